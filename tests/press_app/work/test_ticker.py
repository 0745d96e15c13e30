"""Schedules, sweeps, and the promise that Redis may forget everything."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import OperationalError

from press_app.errors import PressError
from press_app.kit.clock import FixedClock
from press_app.work.bell import FakeBell, RedisBell
from press_app.work.model import ScheduleRow, TaskRow, TaskStatus
from press_app.work.task import Task, going_on, sweep
from press_app.work.ticker import SWEEP_LIMIT, Ticker, forget_done, measure_silence, next_tick
from press_app.work.unit_of_work import Work
from tests.factories.processes import free_port, wait_until
from tests.press_app.work.support import make_task, promise, read_task, with_tasks


def count_tasks(work: Work) -> int:
    with work.read() as session:
        return session.scalar(select(func.count()).select_from(TaskRow)) or 0


@pytest.fixture
def minutely() -> Task:
    return make_task(lambda: None, schedule="* * * * *")


class TestSchedule:
    def test_makes_a_task_due_once_for_each_tick_however_many_tickers_run(
        self, work: Work, clock: FixedClock, minutely: Task
    ) -> None:
        knowing, runner = with_tasks(work, minutely)
        tickers = [Ticker(runner, knowing.bell) for _ in range(2)]
        for ticker in tickers:
            ticker.tick()
        assert count_tasks(work) == 0
        for expected in (1, 2):
            clock.advance(minutes=1)
            for _ in range(2):
                for ticker in tickers:
                    ticker.tick()
            assert count_tasks(work) == expected
            with work.read() as session:
                waiting = session.scalars(
                    select(TaskRow.id).where(TaskRow.status == TaskStatus.WAITING)
                ).one()
            runner.run(waiting)

    def test_makes_up_for_missed_ticks_by_one_run(
        self, work: Work, clock: FixedClock, minutely: Task
    ) -> None:
        knowing, runner = with_tasks(work, minutely)
        ticker = Ticker(runner, knowing.bell)
        ticker.tick()
        clock.advance(hours=5)
        ticker.tick()
        ticker.tick()
        assert count_tasks(work) == 1

    def test_does_not_pile_up_behind_a_run_that_waits(
        self, work: Work, clock: FixedClock, minutely: Task
    ) -> None:
        knowing, runner = with_tasks(work, minutely)
        ticker = Ticker(runner, knowing.bell)
        for _ in range(4):
            ticker.tick()
            clock.advance(minutes=1)
        assert count_tasks(work) == 1

    def test_leaves_a_paused_schedule_alone(self, work: Work, clock: FixedClock, minutely: Task) -> None:
        knowing, runner = with_tasks(work, minutely)
        ticker = Ticker(runner, knowing.bell)
        ticker.tick()
        with work.begin(actor="test") as uow:
            uow.session.get_one(ScheduleRow, "thing.do").paused = True
        clock.advance(hours=1)
        ticker.tick()
        assert count_tasks(work) == 0

    def test_counts_in_utc(self, minutely: Task) -> None:
        nightly = make_task(lambda: None, schedule="30 2 * * *")
        assert next_tick(nightly, datetime(2026, 3, 29, 0, 0, tzinfo=UTC)) == datetime(
            2026, 3, 29, 2, 30, tzinfo=UTC
        )

    def test_refuses_a_line_that_is_no_schedule(self) -> None:
        with pytest.raises(ValueError, match="no cron line"):
            make_task(lambda: None, schedule="every day")


class TestSweep:
    """What the ticker does itself."""

    @pytest.fixture
    def looks(self) -> list[datetime]:
        return []

    @pytest.fixture
    def ticker(self, work: Work, clock: FixedClock, looks: list[datetime]) -> Ticker:
        look = sweep("thing.watch", schedule="* * * * * */5")(lambda: looks.append(clock.now()))
        knowing, runner = with_tasks(work, look)
        return Ticker(runner, knowing.bell)

    def test_looks_at_once_and_then_on_schedule_without_a_row(
        self, work: Work, clock: FixedClock, ticker: Ticker, looks: list[datetime]
    ) -> None:
        for _ in range(3):
            ticker.tick()
        assert len(looks) == 1
        clock.advance(seconds=5)
        ticker.tick()
        ticker.tick()
        assert len(looks) == 2
        clock.advance(hours=1)
        ticker.tick()
        ticker.tick()
        assert len(looks) == 3
        assert count_tasks(work) == 0
        with work.read() as session:
            assert session.get(ScheduleRow, "thing.watch") is None

    def test_goes_on_when_a_clock_that_was_ahead_is_right_again(
        self, clock: FixedClock, ticker: Ticker, looks: list[datetime]
    ) -> None:
        clock.advance(hours=1)
        ticker.tick()
        clock.advance(hours=-1)
        ticker.tick()
        assert len(looks) == 2

    @pytest.mark.parametrize("error", [PressError("it is away"), ZeroDivisionError("a mistake")])
    def test_one_sick_row_keeps_nothing_from_the_others(
        self, capsys: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        done = []
        for thing in ("sick", "well"):
            with going_on("thing.not_ended", thing_id=thing):
                if thing == "sick":
                    raise error
                done.append(thing)
        assert done == ["well"]
        said = capsys.readouterr().out
        assert "thing.not_ended" in said
        assert "sick" in said

    @pytest.mark.parametrize("error", [PressError("the host is away"), ZeroDivisionError("a mistake")])
    def test_a_failure_is_logged_and_keeps_nothing_from_its_turn(
        self, work: Work, clock: FixedClock, capsys: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        ran = []

        def fail() -> None:
            ran.append("first")
            raise error

        tasks = [
            sweep("thing.fail", schedule="* * * * * */5")(fail),
            sweep("thing.watch", schedule="* * * * * */5")(lambda: ran.append("second")),
        ]
        knowing, runner = with_tasks(work, *tasks)
        ticker = Ticker(runner, knowing.bell)
        ticker.tick()
        clock.advance(seconds=5)
        ticker.tick()
        assert ran == ["first", "second"] * 2
        with work.read() as session:
            assert measure_silence(session, clock.now()) is None
        said = capsys.readouterr().out
        assert "sweep.failed" in said
        assert str(error) in said


class TestThread:
    def test_it_ticks_while_the_block_runs_and_outlives_what_goes_wrong(self, work: Work) -> None:
        ticks: list[str] = []

        class Stumbling(Ticker):
            def tick(self) -> None:
                ticks.append(threading.current_thread().name)
                raise [OperationalError("", {}, Exception()), KeyError("a mistake")][len(ticks) % 2]

        knowing, runner = with_tasks(work)
        ticker = Stumbling(runner, knowing.bell)
        with ticker.ticking(every_seconds=0.01):
            wait_until(lambda: len(ticks) >= 4, seconds=10, what="four ticks")
        stopped = len(ticks)
        time.sleep(0.1)
        assert len(ticks) == stopped
        assert set(ticks) == {"ticker"}


class TestRingingAgain:
    def test_rings_again_for_what_nobody_heard(self, work: Work, clock: FixedClock, bell: FakeBell) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        ticker = Ticker(runner, bell)
        task_id = promise(knowing)
        bell.rung.clear()
        ticker.tick()
        assert bell.rung == []
        clock.advance(seconds=3)
        ticker.tick()
        assert bell.rung == [(task_id, "default")]
        runner.run(task_id)
        bell.rung.clear()
        clock.advance(seconds=3)
        ticker.tick()
        assert bell.rung == []

    def test_does_not_ring_on_top_of_a_backlog(self, work: Work, clock: FixedClock, bell: FakeBell) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        ticker = Ticker(runner, bell)
        promise(knowing)
        bell.rung[:] = [("other", "default")] * SWEEP_LIMIT
        clock.advance(seconds=3)
        ticker.tick()
        assert len(bell.rung) == SWEEP_LIMIT

    def test_is_not_kept_from_urgent_work_by_a_slow_backlog(
        self, work: Work, clock: FixedClock, bell: FakeBell
    ) -> None:
        slow = make_task(lambda: None, name="slow.do", queue="slow")
        urgent = make_task(lambda: None, name="urgent.do", queue="urgent")
        knowing, runner = with_tasks(work, slow, urgent)
        ticker = Ticker(runner, bell)
        with knowing.begin(actor="test") as uow:
            for _ in range(SWEEP_LIMIT + 5):
                uow.enqueue("slow.do")
        task_id = promise(knowing, "urgent.do")
        bell.rung.clear()
        clock.advance(seconds=3)
        ticker.tick()
        assert (task_id, "urgent") in bell.rung

    @pytest.mark.redis
    def test_loses_nothing_when_redis_is_flushed(self, work: Work, clock: FixedClock, redis_url: str) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        bell = RedisBell(redis_url)
        task_id = promise(knowing)
        clock.advance(seconds=3)
        ticker = Ticker(runner, bell)
        ticker.tick()
        with redis.Redis.from_url(redis_url) as client:
            queue = Queue("default", connection=client, serializer=JSONSerializer)
            assert [list(job.args) for job in queue.jobs] == [[task_id]]
            client.flushall()
            ticker.tick()
            assert queue.count == 0
            clock.advance(seconds=3)
            ticker.tick()
            assert [list(job.args) for job in queue.jobs] == [[task_id]]

    def test_a_redis_that_does_not_answer_is_not_waited_for_at_each_ring(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            bell = RedisBell(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
            assert not bell.ring("task", "default")
            start = time.monotonic()
            for _ in range(20):
                assert not bell.ring("task", "default")
                bell.announce()
            assert time.monotonic() - start < 0.5

    def test_goes_on_while_redis_is_away(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        bell = RedisBell(f"redis://127.0.0.1:{free_port()}/0")
        assert not bell.ring("task", "default")
        bell.announce()
        assert bell.count_waiting("default") == 0
        task_id = promise(knowing)
        clock.advance(seconds=3)
        Ticker(runner, bell).tick()
        assert read_task(work, task_id).status is TaskStatus.WAITING

    def test_forgets_what_was_done_hours_ago(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        runner.run(promise(knowing))
        waiting = promise(knowing)
        for hours, expected in ((0, 0), (5, 0), (2, 1)):
            clock.advance(hours=hours)
            with work.begin(actor="test") as uow:
                assert forget_done(uow) == expected
        assert read_task(work, waiting).status is TaskStatus.WAITING


class TestClockThatWasAhead:
    def test_schedules_go_on_when_it_is_right_again(
        self, work: Work, clock: FixedClock, minutely: Task
    ) -> None:
        knowing, runner = with_tasks(work, minutely)
        ticker = Ticker(runner, knowing.bell)
        ticker.tick()
        clock.advance(hours=1)
        ticker.tick()
        clock.advance(hours=-1)
        with work.begin(actor="test") as uow:
            uow.session.execute(delete(TaskRow))
        ticker.tick()
        assert count_tasks(work) == 1

    def test_what_was_planned_then_is_due_now(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        clock.advance(hours=1)
        task_id = promise(knowing)
        clock.advance(hours=-1)
        assert not runner.run(task_id)
        Ticker(runner, knowing.bell).tick()
        assert runner.run(task_id)

    def test_what_was_claimed_then_is_freed(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        task_id = promise(knowing)
        with work.begin(actor="test") as uow:
            lease = {"status": TaskStatus.RUNNING, "lease_until": clock.now() + timedelta(hours=1)}
            uow.session.execute(update(TaskRow).where(TaskRow.id == task_id).values(**lease))
        Ticker(runner, knowing.bell).tick()
        assert read_task(work, task_id).status is TaskStatus.WAITING

    def test_what_is_meant_for_later_waits(self, work: Work, clock: FixedClock) -> None:
        knowing, runner = with_tasks(work, make_task(lambda: None))
        with knowing.begin(actor="test") as uow:
            task_id = uow.enqueue("thing.do", after=timedelta(days=3))
        assert task_id is not None
        Ticker(runner, knowing.bell).tick()
        assert read_task(work, task_id).run_at == clock.now() + timedelta(days=3)
