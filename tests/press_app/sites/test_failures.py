"""What happens to a site when hosts fail."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from press_app.agents.port import AgentUnreachable
from press_app.backups import service as backups
from press_app.benches import service as benches
from press_app.benches.lifecycle import BenchEvent
from press_app.edge.port import RouteState
from press_app.jobs.lifecycle import JobStatus
from press_app.kit.db import Session
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import SiteStatus, Wanted
from press_app.sites.rules import MAX_FAILURES
from press_app.work import lease
from press_app.work.lease import SubjectBusy
from press_app.work.model import LeaseRow
from tests.factories.servers import make_bench
from tests.factories.subscriptions import TERMINATED, UNPAID
from tests.factories.threads import run_at_once
from tests.press_app.driver import Driver


def retry(driver: Driver, site_id: str) -> None:
    with driver.work.begin(actor="operator") as uow:
        sites.request_retry(uow, sites.get_site(uow.session, site_id))
    driver.run()


def count_places(driver: Driver) -> int:
    with driver.work.read() as session:
        return benches.get_bench(session, driver.bench_id).site_count


class TestCreate:
    def test_that_left_nothing_gives_its_place_back_and_is_tried_again(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        assert count_places(driver) == 1
        driver.refuse("create_site", "The disk is full.")
        site = driver.site()
        assert (site.status, site.failures) == (SiteStatus.RESERVED, 1)
        assert site.error is not None
        assert site.error["message"] == "The disk is full."
        assert count_places(driver) == 0
        assert driver.orders() == []
        driver.clock.advance(seconds=5)
        driver.finish_all()
        site = driver.site()
        assert (site.status, site.failures, site.error) == (SiteStatus.ACTIVE, 0, None)
        assert count_places(driver) == 1

    def test_an_attempt_that_was_planned_by_a_clock_ahead_is_due_when_the_clock_is_right(
        self, driver: Driver
    ) -> None:
        driver.observe()
        driver.run()
        driver.clock.advance(hours=1)
        driver.refuse("create_site")
        driver.clock.advance(hours=-1)
        driver.call("site.reconcile")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_waits_longer_each_time_and_then_asks_a_person(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        waits = []
        for _ in range(MAX_FAILURES - 1):
            driver.refuse("create_site")
            retry_at = driver.site().retry_at
            assert retry_at is not None
            waits.append((retry_at - driver.clock.now()).total_seconds())
            driver.clock.moment = retry_at - timedelta(seconds=1)
            driver.run()
            assert driver.orders() == []
            driver.clock.moment = retry_at
            driver.run()
        assert waits == [5, 15, 45, 135]
        driver.refuse("create_site")
        site = driver.site()
        assert (site.status, site.failures) == (SiteStatus.BROKEN, MAX_FAILURES)
        driver.clock.advance(days=1)
        assert driver.orders() == []
        retry(driver, site.id)
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert count_places(driver) == 1

    def test_that_left_something_is_broken_and_keeps_its_place(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        driver.refuse("create_site", compensated=False)
        assert driver.site().status is SiteStatus.BROKEN
        assert count_places(driver) == 1
        retry(driver, driver.site().id)
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert count_places(driver) == 1

    def test_waits_for_a_bench_with_room(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, driver.bench_id), BenchEvent.DRAIN)
        driver.observe()
        driver.run()
        site = driver.site()
        assert site.status is SiteStatus.RESERVED
        assert site.error is not None
        assert site.error["code"] == "no_bench"
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, driver.bench_id), BenchEvent.REOPEN)
        driver.call("site.reconcile")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE


class TestSuspend:
    def test_that_failed_keeps_the_edge_closed(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        driver.refuse("suspend_site")
        site = driver.site()
        assert site.status is SiteStatus.BROKEN
        assert driver.edge.probe("acme.localhost") == 402
        retry(driver, site.id)
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED


class TestArchive:
    def test_that_removed_nothing_is_tried_again_and_then_asks_a_person(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all_but("archive_site")
        for _ in range(MAX_FAILURES - 1):
            driver.refuse("archive_site", "The backup store does not answer.")
            site = driver.site()
            assert site.status is SiteStatus.SUSPENDED
            assert driver.edge.probe("acme.localhost") == 402
            assert site.retry_at is not None
            driver.clock.moment = site.retry_at
            driver.run()
        driver.refuse("archive_site")
        assert driver.site().status is SiteStatus.BROKEN
        assert count_places(driver) == 1
        retry(driver, driver.site().id)
        driver.finish_all()
        assert driver.site().status is SiteStatus.ARCHIVED
        assert count_places(driver) == 0


class TestRestore:
    def test_that_left_nothing_falls_back_to_the_archive_and_is_tried_again(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        driver.observe("run")
        driver.run()
        assert count_places(driver) == 1
        driver.refuse("restore_site")
        site = driver.site()
        assert (site.status, site.route) == (SiteStatus.ARCHIVED, RouteState.NONE)
        assert count_places(driver) == 0
        driver.clock.advance(seconds=5)
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert count_places(driver) == 1

    def test_comes_back_on_another_bench_of_the_engine_when_the_old_one_is_gone(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        with driver.work.begin(actor="operator") as uow:
            old = benches.get_bench(uow.session, driver.bench_id)
            benches.move(uow, old, BenchEvent.DRAIN)
            benches.request_retire(uow, old)
        driver.finish_all()
        driver.observe("run")
        driver.finish_all()
        site = driver.site()
        assert (site.status, site.error and site.error["code"]) == (SiteStatus.ARCHIVED, "no_bench")
        with driver.work.begin(actor="operator") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            make_bench(uow, server, engine="other")
            other = make_bench(uow, server).id
        driver.call("site.reconcile")
        driver.finish_all()
        site = driver.site()
        assert (site.status, site.bench_id) == (SiteStatus.ACTIVE, other)

    def test_a_retry_takes_the_very_backup_that_was_asked_for(self, driver: Driver) -> None:
        site = driver.active_site()
        chosen = self.back_up(driver, site.id)
        driver.clock.advance(minutes=1)
        assert self.back_up(driver, site.id) != chosen
        with driver.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, site.id)
            backups.request_restore(uow, row, backups.get_backup(uow.session, chosen))
        driver.run()
        driver.refuse("restore_site", compensated=False)
        assert driver.site().status is SiteStatus.BROKEN
        retry(driver, site.id)
        (order,) = driver.orders("restore_site")
        assert order.params["backup"]["id"] == chosen
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def back_up(self, driver: Driver, site_id: str) -> str:
        with driver.work.begin(actor="owner") as uow:
            backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site_id))
        driver.finish_all()
        return backup_id


class TestDeadline:
    def test_an_unknown_job_past_its_time_breaks_the_site_and_a_retry_heals_it(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        driver.agents.lose_ledger(driver.server_id)
        driver.clock.advance(minutes=9)
        driver.call("job.watch")
        driver.run()
        (job,) = driver.list_jobs()
        assert job.status is JobStatus.LOST
        site = driver.site()
        assert site.status is SiteStatus.BROKEN
        assert site.error is not None
        assert site.error["code"] == "job_lost"
        retry(driver, site.id)
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_a_silent_agent_breaks_the_site_only_when_nobody_holds_it_any_more(self, driver: Driver) -> None:
        driver.agents.failures.extend(AgentUnreachable("away") for _ in range(10_000))
        driver.observe()
        driver.run()
        driver.clock.advance(minutes=11)
        driver.call("site.reconcile")
        assert driver.site().status is SiteStatus.INSTALLING, "its job may still end"
        driver.clock.advance(minutes=6)
        driver.call("site.reconcile")
        site = driver.site()
        assert site.status is SiteStatus.BROKEN
        assert site.error is not None
        assert site.error["code"] == "deadline_passed"

    def test_the_news_of_an_outdated_job_do_not_move_the_site(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        (old,) = driver.orders("create_site")
        driver.clock.advance(minutes=17)
        driver.call("site.reconcile")
        retry(driver, driver.site().id)
        assert len(driver.orders("create_site")) == 2
        driver.push(driver.agents.fail(driver.server_id, old.job_id, "too slow"))
        driver.run()
        assert driver.site().status is SiteStatus.INSTALLING
        assert count_places(driver) == 1
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_a_site_that_ended_in_the_meantime_is_left_alone(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="reconciler") as uow:
            sites.on_overdue(uow, sites.get_site(uow.session, site.id))
        assert driver.site().status is SiteStatus.ACTIVE

    def test_a_retry_of_nothing_is_refused(self, driver: Driver) -> None:
        site = driver.active_site()
        with pytest.raises(SiteNotReady):
            retry(driver, site.id)


class TestConverge:
    def test_says_who_holds_the_site(self, driver: Driver) -> None:
        driver.observe()
        site = driver.site()
        with driver.work.begin(actor="test") as uow:
            within = timedelta(minutes=1)
            lease.hold(uow, site.target, holder="somebody", purpose="Move it to another host", within=within)
        with pytest.raises(SubjectBusy, match="Move it to another host"), driver.work.begin(actor="a") as uow:
            sites.converge(uow, site.id)
        assert count_places(driver) == 0, "the place was not kept"

    def test_many_at_once_start_one_job(self, driver: Driver) -> None:
        driver.observe()
        site_id = driver.site().id

        def converge() -> None:
            with driver.work.begin(actor="worker") as uow:
                sites.converge(uow, site_id)

        failed = run_at_once(8, converge)
        assert {error.code for error in failed} <= {"busy", "stale_write", "database_busy"}
        assert [job.operation for job in driver.list_jobs()] == ["create_site"]
        assert count_places(driver) == 1
        with driver.work.read() as session:
            assert count_leases(session) == 1
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        with driver.work.read() as session:
            assert count_leases(session) == 0

    def test_of_two_sites_one_gets_the_last_place(self, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            benches.get_bench(uow.session, driver.bench_id).max_sites = 1
        driver.observe(external_id="acme")
        driver.observe(external_id="bmca")
        waiting = [site.id for site in driver.list_sites()]

        def converge() -> None:
            with driver.work.begin(actor="worker") as uow:
                sites.converge(uow, waiting.pop())

        assert run_at_once(2, converge) == []
        assert count_places(driver) == 1
        assert sorted(site.status for site in driver.list_sites()) == [
            SiteStatus.INSTALLING,
            SiteStatus.RESERVED,
        ]

    def test_a_wish_that_is_undone_in_time_starts_nothing(self, driver: Driver) -> None:
        site = driver.active_site()
        for wanted in (Wanted.ARCHIVED, Wanted.RUNNING):
            with driver.work.begin(actor="owner") as uow:
                sites.set_wanted(uow, sites.get_site(uow.session, site.id), wanted, why="changed my mind")
        driver.run()
        assert driver.orders() == []
        assert driver.site().status is SiteStatus.ACTIVE


def count_leases(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(LeaseRow)) or 0
