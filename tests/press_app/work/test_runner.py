"""Running one task row: claimed once, retried, buried, and freed from dead workers."""

import threading
from datetime import timedelta

import pytest

from press_app.errors import PressError
from press_app.kit.clock import FixedClock
from press_app.work.model import TaskStatus
from press_app.work.runner import backoff
from press_app.work.ticker import Ticker
from press_app.work.unit_of_work import Work
from tests.press_app.work.support import make_task, promise, read_task, with_tasks


class Broken(PressError):
    """A failure with a message of its own."""

    code = "broken"


class TestRun:
    def test_calls_the_task_with_its_arguments_and_what_it_asks_for(self, work: Work) -> None:
        calls: list[tuple[str, object, str]] = []

        def do(*, thing_id: str, work: Work, correlation_id: str) -> None:
            calls.append((thing_id, work, correlation_id))

        knowing, runner = with_tasks(work, make_task(do))
        task_id = promise(knowing, thing_id="7")
        assert runner.run(task_id)
        row = read_task(work, task_id)
        assert calls == [("7", knowing, row.correlation_id)]
        assert (row.status, row.attempts, row.error) == (TaskStatus.DONE, 1, None)
        assert row.ended_at is not None

    def test_runs_a_row_once(self, work: Work) -> None:
        calls: list[int] = []
        knowing, runner = with_tasks(work, make_task(lambda: calls.append(1)))
        task_id = promise(knowing)
        assert [runner.run(task_id) for _ in range(3)] == [True, False, False]
        assert not runner.run("no-such-task")
        assert len(calls) == 1

    def test_lets_one_of_many_workers_have_it(self, work: Work) -> None:
        calls: list[int] = []
        knowing, runner = with_tasks(work, make_task(lambda: calls.append(1)))
        task_id = promise(knowing)
        start = threading.Barrier(5)
        results: list[bool] = []

        def ring() -> None:
            start.wait()
            results.append(runner.run(task_id))

        threads = [threading.Thread(target=ring) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False] * 4 + [True]
        assert len(calls) == 1

    def test_leaves_what_is_not_due(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        with knowing.begin(actor="test") as uow:
            task_id = uow.enqueue("thing.do", after=timedelta(minutes=1))
        assert task_id is not None
        assert not runner.run(task_id)
        clock.advance(minutes=1)
        assert runner.run(task_id)

    def test_waits_longer_after_each_failure_and_then_gives_up(self, work: Work, clock: FixedClock) -> None:
        def fail() -> None:
            message = "The agent does not answer."
            raise Broken(message)

        knowing, runner = with_tasks(work, make_task(fail, max_attempts=3))
        task_id = promise(knowing)
        waits = []
        for _ in range(2):
            assert runner.run(task_id)
            row = read_task(work, task_id)
            assert (row.status, row.error) == (TaskStatus.WAITING, "The agent does not answer.")
            waits.append((row.run_at - clock.now()).total_seconds())
            assert not runner.run(task_id)
            clock.advance(seconds=waits[-1])
        assert 0.4 <= waits[0] <= 0.6
        assert 0.8 <= waits[1] <= 1.2
        assert runner.run(task_id)
        row = read_task(work, task_id)
        assert (row.status, row.attempts) == (TaskStatus.DEAD, 3)
        clock.advance(days=1)
        assert not runner.run(task_id)

    def test_frees_its_key_at_the_start_so_that_a_new_wish_leads_to_another_run(self, work: Work) -> None:
        promised: list[str | None] = []

        def wish_again(*, work: Work) -> None:
            with work.begin(actor="test") as uow:
                promised.append(uow.enqueue("thing.do", unique_key="k"))

        knowing, runner = with_tasks(work, make_task(wish_again))
        with knowing.begin(actor="test") as uow:
            first = uow.enqueue("thing.do", unique_key="k")
        assert first is not None
        runner.run(first)
        assert promised[0] not in {None, first}


class TestExpiredWorker:
    def test_is_freed_by_the_ticker_and_cannot_end_the_row_any_more(
        self, work: Work, clock: FixedClock
    ) -> None:
        runs: list[int] = []

        def hang(*, work: Work) -> None:
            runs.append(1)
            if len(runs) == 1:
                clock.advance(seconds=61)
                ticker.tick()
                assert read_task(work, task_id).status is TaskStatus.WAITING
                assert runner.run(task_id)
                assert read_task(work, task_id).status is TaskStatus.DONE
                message = "too late"
                raise ValueError(message)

        task = make_task(hang, lease_seconds=60)
        knowing, runner = with_tasks(work, task)
        ticker = Ticker(runner, knowing.bell)
        task_id = promise(knowing)
        assert runner.run(task_id)
        row = read_task(work, task_id)
        assert (row.status, row.attempts, row.error) == (TaskStatus.DONE, 2, None)

    def test_buries_a_task_that_takes_its_worker_down_each_time(self, work: Work, clock: FixedClock) -> None:
        task = make_task(lambda: None, lease_seconds=60, max_attempts=2)
        knowing, runner = with_tasks(work, task)
        ticker = Ticker(runner, knowing.bell)
        task_id = promise(knowing)
        for expected in (TaskStatus.WAITING, TaskStatus.DEAD):
            assert runner._claim(task_id) is not None
            clock.advance(seconds=61)
            ticker.tick()
            assert read_task(work, task_id).status is expected


class TestBackoff:
    @pytest.mark.parametrize(("attempts", "low", "high"), [(1, 0.4, 0.6), (5, 6.4, 9.6), (40, 240, 360)])
    def test_doubles_up_to_the_longest_wait(self, attempts: int, low: float, high: float) -> None:
        assert low <= backoff(attempts, 300.0).total_seconds() <= high


class TestMerging:
    def fail(self) -> None:
        raise Broken("not yet")

    def wish(self, work: Work) -> str | None:
        with work.begin(actor="test") as uow:
            return uow.enqueue("thing.do", unique_key="thing:1")

    def test_a_wish_joins_the_one_that_failed_and_waits(self, work: Work) -> None:
        knowing, runner = with_tasks(work, make_task(self.fail))
        task_id = self.wish(knowing)
        assert task_id is not None
        runner.run(task_id)
        assert self.wish(knowing) is None
        row = read_task(work, task_id)
        assert (row.status, row.unique_key) == (TaskStatus.WAITING, "thing:1")

    def test_of_two_rows_for_one_wish_the_failed_one_gives_way(self, work: Work) -> None:
        newer: list[str | None] = []

        def fail_while_wished_again() -> None:
            newer.append(self.wish(knowing))
            raise Broken("not yet")

        knowing, runner = with_tasks(work, make_task(fail_while_wished_again))
        task_id = self.wish(knowing)
        assert task_id is not None
        runner.run(task_id)
        assert newer[0] is not None
        assert read_task(work, task_id).status is TaskStatus.DONE
        assert read_task(work, newer[0]).status is TaskStatus.WAITING

    def test_an_earlier_wish_brings_a_later_one_forward(self, work: Work, clock: FixedClock) -> None:
        knowing, _ = with_tasks(work, make_task(lambda: None))
        with knowing.begin(actor="test") as uow:
            task_id = uow.enqueue("thing.do", after=timedelta(days=3), unique_key="thing:1")
        assert task_id is not None
        assert self.wish(knowing) is None
        assert read_task(work, task_id).run_at == clock.now()
