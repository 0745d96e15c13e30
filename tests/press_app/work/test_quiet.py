"""Looks that nobody needs are not made, and those that somebody needs are."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from press_app.kit.clock import FixedClock
from press_app.work.bell import FakeBell
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.ticker import LONGEST_QUIET, Ticker
from press_app.work.unit_of_work import Work
from tests.press_app.work.support import make_task, promise, read_task, with_tasks


def settle(ticker: Ticker) -> Ticker:
    """Twice: the first tick writes that it lives, which the second one sees."""
    for _ in range(2):
        ticker.tick()
    return ticker


class TestQuiet:
    """Looks that nobody needs cost nothing."""

    def test_a_clock_that_was_put_back_is_no_reason_to_wait(
        self, work: Work, clock: FixedClock, asked: list[str]
    ) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        ticker = settle(Ticker(runner, knowing.bell))
        clock.advance(hours=-1)
        asked.clear()
        ticker.tick()
        assert any("FROM task" in statement for statement in asked)

    def test_the_tasks_are_read_now_and_then_whatever_anybody_says(
        self, work: Work, clock: FixedClock, asked: list[str]
    ) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        ticker = settle(Ticker(runner, knowing.bell))
        clock.advance(seconds=LONGEST_QUIET.total_seconds())
        asked.clear()
        ticker.tick()
        assert any("FROM task" in statement for statement in asked)

    @pytest.fixture
    def asked(self, work: Work) -> Iterator[list[str]]:
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        event.listen(work.database.read_engine, "before_cursor_execute", note)
        yield statements
        event.remove(work.database.read_engine, "before_cursor_execute", note)

    def test_without_a_write_the_tasks_are_not_read_until_a_moment_comes(
        self, work: Work, clock: FixedClock, asked: list[str]
    ) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        ticker = settle(Ticker(runner, knowing.bell))
        asked.clear()
        for _ in range(5):
            clock.advance(seconds=1)
            ticker.tick()
        of_tasks = [statement for statement in asked if "FROM task" in statement]
        tells_changes = work.database.read_engine.dialect.name == "sqlite"
        assert not of_tasks if tells_changes else len(of_tasks) >= 5

    def test_what_another_process_wrote_is_seen_at_once(
        self, work: Work, clock: FixedClock, bell: FakeBell
    ) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        ticker = settle(Ticker(runner, knowing.bell))
        task_id = promise(knowing)
        with work.begin(actor="test") as uow:
            uow.session.execute(update(TaskRow).values(rung_at=None))
        bell.rung.clear()
        ticker.tick()
        assert bell.rung == [(task_id, "default")]

    def test_a_task_that_waits_for_its_moment_is_rung_for_then(
        self, work: Work, clock: FixedClock, bell: FakeBell
    ) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        task_id = promise(knowing)
        with work.begin(actor="test") as uow:
            uow.session.execute(update(TaskRow).values(run_at=clock.now() + timedelta(seconds=4)))
        ticker = settle(Ticker(runner, knowing.bell))
        bell.rung.clear()
        clock.advance(seconds=3)
        ticker.tick()
        assert bell.rung == []
        clock.advance(seconds=1)
        ticker.tick()
        assert bell.rung == [(task_id, "default")]

    def test_a_lease_that_runs_out_is_noticed_without_a_write(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        task_id = promise(knowing)
        with work.begin(actor="test") as uow:
            running = {"status": TaskStatus.RUNNING, "lease_until": clock.now() + timedelta(seconds=3)}
            uow.session.execute(update(TaskRow).values(running))
        ticker = settle(Ticker(runner, knowing.bell))
        assert read_task(work, task_id).status is TaskStatus.RUNNING
        clock.advance(seconds=4)
        ticker.tick()
        assert read_task(work, task_id).status is TaskStatus.WAITING
