"""How news of agents come in: lost, doubled, out of order, or from a ledger that began anew."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from press_app.agents.port import AgentBusy, AgentRefused, AgentUnreachable
from press_app.bootstrap import FINISHERS
from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.servers import service as servers
from press_app.servers.model import ServerFeed
from press_app.sites.lifecycle import SiteStatus
from press_app.work.model import JournalRow, TaskStatus
from press_app.work.unit_of_work import UnitOfWork
from tests.factories.servers import make_server
from tests.press_app.driver import Driver

STEP = {"key": "clone", "title": "Clone the template", "state": "done", "output": "ok"}


def only_job(driver: Driver) -> Job:
    (job,) = driver.list_jobs()
    return job


def feed(driver: Driver) -> ServerFeed:
    with driver.work.read() as session:
        found = servers.find_feed(session, driver.server_id)
    assert found is not None
    return found


def listen(driver: Driver) -> None:
    """The watch looks, and its tasks run."""
    driver.call("job.watch")
    driver.run()


class TestDelivery:
    def test_is_tried_again_while_the_agent_is_away_or_busy(self, driver: Driver) -> None:
        driver.agents.failures.extend(
            [
                AgentUnreachable("away"),
                AgentBusy("locked", holder="x", purpose="Back up"),
                AgentUnreachable("away"),
            ]
        )
        driver.observe()
        driver.run()
        assert only_job(driver).status is JobStatus.QUEUED
        for _ in range(3):
            driver.clock.advance(seconds=6)
            driver.run()
        assert only_job(driver).status is JobStatus.DELIVERED
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_a_refused_job_fails_and_touched_nothing(self, driver: Driver) -> None:
        driver.agents.failures.append(AgentRefused("No such operation.", agent_code="operation_unknown"))
        driver.observe()
        driver.run()
        job = only_job(driver)
        assert job.status is JobStatus.FAILED
        assert job.error == {
            "code": "operation_unknown",
            "message": "No such operation.",
            "step": None,
            "compensated": True,
        }
        assert driver.site().status is SiteStatus.RESERVED

    def test_news_that_overtake_the_answer_are_taken(self, driver: Driver) -> None:
        driver.observe()
        driver.call("site.converge", site_id=driver.site().id)
        job = only_job(driver)
        driver.agents.put_job(server_address(driver), jobs.order_of(job))
        driver.push(driver.agents.start(driver.server_id, job.id, STEP))
        assert only_job(driver).status is JobStatus.RUNNING
        driver.run()
        job = only_job(driver)
        assert (job.status, job.steps) == (JobStatus.RUNNING, [STEP])


def server_address(driver: Driver) -> Any:
    with driver.work.read() as session:
        return servers.get_server(session, driver.server_id).address


class TestPushes:
    def start(self, driver: Driver) -> str:
        driver.observe()
        driver.run()
        return only_job(driver).id

    def test_doubled_change_nothing(self, driver: Driver) -> None:
        job_id = self.start(driver)
        events = list(driver.agents.events[driver.server_id])
        events.append(driver.agents.start(driver.server_id, job_id, STEP))
        events.append(driver.agents.finish(driver.server_id, job_id, {"size_bytes": 7}))
        for _ in range(3):
            assert driver.push(*events) == 3
        driver.run()
        assert driver.site().status is SiteStatus.ACTIVE
        with driver.work.read() as session:
            steps = session.scalars(select(JournalRow).where(JournalRow.kind == "job.step")).all()
            ends = session.scalars(select(JournalRow).where(JournalRow.kind == "job.succeeded")).all()
        assert len(steps) == len(ends) == 1
        assert feed(driver).cursor == 3

    def test_out_of_order_the_newest_of_a_job_wins(self, driver: Driver) -> None:
        job_id = self.start(driver)
        running = driver.agents.start(driver.server_id, job_id, STEP)
        finished = driver.agents.finish(driver.server_id, job_id)
        driver.push(finished)
        driver.push(running)
        assert only_job(driver).status is JobStatus.SUCCEEDED

    def test_older_steps_do_not_replace_newer_ones(self, driver: Driver) -> None:
        job_id = self.start(driver)
        first = driver.agents.start(driver.server_id, job_id)
        second = driver.agents.start(driver.server_id, job_id, STEP)
        driver.push(second)
        driver.push(first)
        assert only_job(driver).steps == [STEP]

    def test_lost_are_read_by_cursor(self, driver: Driver) -> None:
        job_id = self.start(driver)
        driver.agents.finish(driver.server_id, job_id)
        listen(driver)
        assert driver.site().status is SiteStatus.ACTIVE

    def test_a_gap_is_read_by_cursor_too(self, driver: Driver) -> None:
        driver.observe(external_id="acme")
        driver.observe(external_id="bakery")
        driver.run()
        first, second = [order.job_id for order in driver.orders()]
        driver.push(*driver.agents.events[driver.server_id])
        driver.agents.finish(driver.server_id, first)
        late = driver.agents.start(driver.server_id, second)
        assert driver.push(late) == 4
        assert feed(driver).cursor == 2, "the lost one is still to be read"
        listen(driver)
        assert driver.job(first).status is JobStatus.SUCCEEDED
        assert feed(driver).cursor == 4

    def test_of_a_new_ledger_begin_at_its_start(self, driver: Driver) -> None:
        job_id = self.start(driver)
        for _ in range(5):
            driver.push(driver.agents.start(driver.server_id, job_id, STEP))
        order = driver.agents.orders[job_id]
        driver.agents.lose_ledger(driver.server_id)
        driver.agents.put_job(server_address(driver), order)
        driver.agents.finish(driver.server_id, job_id)
        listen(driver)
        assert only_job(driver).status is JobStatus.SUCCEEDED
        assert (feed(driver).ledger_id, feed(driver).cursor) == ("ledger-1-again", 2)

    def test_about_jobs_of_another_server_are_ignored(self, driver: Driver) -> None:
        job_id = self.start(driver)
        with driver.work.begin(actor="test") as uow:
            stranger = make_server(uow).id
        driver.push(driver.agents.finish(driver.server_id, job_id), server_id=stranger)
        driver.push(
            {"seq": 9, "job_id": "no-such-job", "kind": "job.finished", "job": {}}, server_id=stranger
        )
        assert only_job(driver).status is JobStatus.DELIVERED

    def test_let_an_idle_agent_count_as_heard(self, driver: Driver) -> None:
        self.start(driver)
        driver.clock.advance(minutes=5)
        assert servers.is_quiet(feed(driver), driver.clock.now())
        listen(driver)
        assert not servers.is_quiet(feed(driver), driver.clock.now())


class TestWatch:
    def test_one_agent_that_is_away_does_not_keep_the_others_from_being_heard(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        job_id = only_job(driver).id
        with driver.work.begin(actor="test") as uow:
            other = make_server(uow).id
            for server_id in (other, driver.server_id):
                within = timedelta(minutes=5)
                jobs.request_job(
                    uow,
                    server_id=server_id,
                    operation="measure_usage",
                    target=f"x:{server_id}",
                    params={},
                    purpose="x",
                    within=within,
                )
        driver.agents.finish(driver.server_id, job_id)
        for failure in (AgentUnreachable("away"), AgentRefused("no", agent_code="credential_invalid")):
            driver.agents.failures.append(failure)
            listen(driver)
            listen(driver)
        assert driver.job(job_id).status is JobStatus.SUCCEEDED

    def test_a_job_that_the_agent_still_knows_is_not_lost(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        job_id = only_job(driver).id
        driver.push(driver.agents.start(driver.server_id, job_id))
        driver.clock.advance(hours=2)
        listen(driver)
        assert only_job(driver).status is JobStatus.RUNNING
        driver.agents.jobs[job_id]["status"] = "succeeded"
        listen(driver)
        assert only_job(driver).status is JobStatus.SUCCEEDED

    def test_a_job_past_its_time_is_not_delivered_any_more(self, driver: Driver) -> None:
        driver.agents.failures.append(AgentUnreachable("away"))
        driver.observe()
        driver.run()
        driver.clock.advance(minutes=9)
        driver.run()
        assert driver.agents.orders == {}
        assert only_job(driver).status is JobStatus.LOST
        assert driver.site().status is SiteStatus.BROKEN


class TestSettle:
    def end(self, driver: Driver) -> str:
        """A job that ended and that nobody settled yet."""
        driver.observe()
        driver.run()
        job_id = only_job(driver).id
        driver.push(driver.agents.finish(driver.server_id, job_id, {"size_bytes": 1}))
        return job_id

    def test_hands_the_result_over_once(self, driver: Driver) -> None:
        job_id = self.end(driver)
        taken: list[str] = []

        def take(_uow: UnitOfWork, job: Job) -> None:
            taken.append(job.id)

        for _ in range(3):
            with driver.work.begin(actor="test") as uow:
                jobs.settle(uow, job_id, {"create_site": take})
        assert taken == [job_id]

    def test_is_tried_again_when_the_taker_fails_and_the_lease_stays(self, driver: Driver) -> None:
        job_id = self.end(driver)

        def fail(_uow: UnitOfWork, _job: Job) -> None:
            message = "not now"
            raise ValueError(message)

        with pytest.raises(ValueError, match="not now"), driver.work.begin(actor="test") as uow:
            jobs.settle(uow, job_id, {"create_site": fail})
        assert driver.job(job_id).settled_at is None
        with driver.work.begin(actor="test") as uow:
            jobs.settle(uow, job_id, FINISHERS)
        driver.run()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_is_promised_again_by_the_watch_when_the_promise_was_lost(self, driver: Driver) -> None:
        self.end(driver)
        for row in driver.list_tasks(TaskStatus.WAITING):
            with driver.work.begin(actor="test") as uow:
                uow.session.delete(row)
        listen(driver)
        assert driver.site().status is SiteStatus.ACTIVE

    def test_leaves_an_open_job_alone(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        with driver.work.begin(actor="test") as uow:
            jobs.settle(uow, only_job(driver).id, {})
        assert only_job(driver).settled_at is None
