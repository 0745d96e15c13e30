"""One transaction, and promises that are kept after it and only then."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm.exc import StaleDataError

from press_app.kit.clock import FixedClock
from press_app.plans.model import Plan
from press_app.plans.service import change_plan
from press_app.work import journal
from press_app.work.bell import FakeBell
from press_app.work.model import JournalRow, TaskRow, TaskStatus
from press_app.work.unit_of_work import StaleWrite, UnitOfWork, Work
from tests.factories.plans import make_plan
from tests.press_app.work.support import make_task, promise, read_task, with_tasks


class Happened:
    """A domain event."""


class TestEnqueue:
    def test_rings_after_the_commit_and_never_before(self, work: Work, bell: FakeBell) -> None:
        knowing, _ = with_tasks(work, make_task(lambda: None, queue="urgent"))
        with knowing.begin(actor="test") as uow:
            task_id = uow.enqueue("thing.do")
            assert bell.rung == []
        assert bell.rung == [(task_id, "urgent")]

    def test_leaves_nothing_after_a_rollback(self, work: Work, bell: FakeBell) -> None:
        knowing, _ = with_tasks(work, make_task(lambda: None))

        def fail(uow: UnitOfWork) -> None:
            uow.enqueue("thing.do")
            uow.record("thing.done", "thing:1", "It was done.")
            message = "and then it failed"
            raise ValueError(message)

        with pytest.raises(ValueError, match="then it failed"), knowing.begin(actor="test") as uow:
            fail(uow)
        with work.read() as session:
            assert session.scalar(select(func.count()).select_from(TaskRow)) == 0
            assert session.scalar(select(func.count()).select_from(JournalRow)) == 0
        assert (bell.rung, bell.announced) == ([], 0)

    def test_drops_a_second_promise_under_a_key_that_waits(self, work: Work) -> None:
        knowing, _ = with_tasks(work, make_task(lambda: None))
        with knowing.begin(actor="test") as uow:
            assert uow.enqueue("thing.do", unique_key="k") is not None
            assert uow.enqueue("thing.do", unique_key="k") is None
        with knowing.begin(actor="test") as uow:
            assert uow.enqueue("thing.do", unique_key="k") is None
            assert uow.enqueue("thing.do", unique_key="other") is not None

    def test_brings_a_later_promise_forward(self, work: Work, clock: FixedClock, bell: FakeBell) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        with knowing.begin(actor="test") as uow:
            task_id = uow.enqueue("thing.do", unique_key="k", after=timedelta(hours=1))
        assert task_id is not None
        assert bell.rung == []
        with knowing.begin(actor="test") as uow:
            uow.enqueue("thing.do", unique_key="k")
        assert [rung for rung, _ in bell.take()] == [task_id]
        assert runner.run(task_id)
        assert read_task(work, task_id).status is TaskStatus.DONE

    def test_refuses_names_that_nobody_declared(self, work: Work) -> None:
        with pytest.raises(KeyError), work.begin(actor="test") as uow:
            uow.enqueue("thing.undeclared")

    def test_hands_the_correlation_id_on(self, work: Work) -> None:
        knowing, _ = with_tasks(work, make_task(lambda: None))
        with knowing.begin(actor="test", correlation_id="from-the-webhook") as uow:
            task_id = uow.enqueue("thing.do")
        assert task_id is not None
        assert read_task(work, task_id).correlation_id == "from-the-webhook"
        other = promise(knowing)
        assert read_task(work, other).correlation_id not in {"", "from-the-webhook"}


class TestPublish:
    def test_lets_listeners_work_in_the_same_transaction(self, work: Work) -> None:
        knowing, _ = with_tasks(work, make_task(lambda: None))

        def hear(uow: UnitOfWork, _event: Happened) -> None:
            uow.record("thing.heard", "thing:1", "It was heard.")

        work.subscribers.on(Happened, hear)

        def publish_and_fail() -> None:
            with knowing.begin(actor="test") as uow:
                uow.publish(Happened())
                message = "undone"
                raise ValueError(message)

        with pytest.raises(ValueError, match="undone"):
            publish_and_fail()
        with work.read() as session:
            assert journal.last_id(session) == 0
        with knowing.begin(actor="test") as uow:
            uow.publish(Happened())
        with work.read() as session:
            assert [row.message for row in journal.list_timeline(session, "thing:1")] == ["It was heard."]


class TestTwoWriters:
    def test_lets_one_win_and_tells_the_other(self, work: Work) -> None:
        with work.begin(actor="test") as uow:
            plan = make_plan(uow)
        with work.begin(actor="second") as second:
            stale = second.session.get_one(Plan, plan.id)
            second.session.expunge(stale)
        with work.begin(actor="first") as first:
            change_plan(first, "small", {"name": "First"})

        def write_what_is_stale() -> None:
            with work.begin(actor="second") as uow:
                uow.session.add(stale)
                stale.name = "Second"

        with pytest.raises(StaleWrite):
            write_what_is_stale()
        with work.read() as session:
            assert session.get_one(Plan, plan.id).name == "First"

    def test_tells_also_who_finds_out_before_the_commit(self, work: Work) -> None:
        with pytest.raises(StaleWrite), work.begin(actor="test"):
            raise StaleDataError


class TestJournal:
    def test_is_read_after_a_cursor_by_team_and_subject(self, work: Work) -> None:
        with work.begin(actor="user:1") as uow:
            for number in range(6):
                uow.record("site.active", f"site:{number % 2}", "Up.", team_id=f"team-{number % 3}", n=number)
        with work.read() as session:
            rows = journal.read_after(session, 0, team_ids=None)
            assert [row.data["n"] for row in rows] == list(range(6))
            assert rows[0].actor == "user:1"
            mine = journal.read_after(session, rows[0].id, team_ids=["team-0", "team-1"])
            assert [row.data["n"] for row in mine] == [1, 3, 4]
            one = journal.read_after(session, 0, team_ids=None, subject="site:1", until=rows[3].id, limit=1)
            assert [row.data["n"] for row in one] == [1]
            assert journal.read_after(session, 0, team_ids=[]) == []
            before = journal.list_timeline(session, "site:0", before=rows[4].id, limit=1)
            assert [row.data["n"] for row in before] == [2]
