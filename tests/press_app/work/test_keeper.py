"""A living worker keeps its task for as long as it takes; a killed one loses it within seconds."""

import threading

from press_app.kit.clock import FixedClock
from press_app.work.bell import FakeBell
from press_app.work.keeper import LEASE, Keeper
from press_app.work.model import TaskStatus
from press_app.work.ticker import Ticker
from press_app.work.unit_of_work import Work
from tests.factories.processes import wait_until
from tests.press_app.work.support import make_task, promise, read_task, with_tasks


def test_a_long_task_is_not_taken_from_a_worker_that_lives(
    work: Work, clock: FixedClock, bell: FakeBell
) -> None:
    begun, end = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        end.wait(30)

    knowing, runner = with_tasks(work, make_task(wait))
    task_id = promise(knowing)
    keeper = Keeper(knowing, beat_seconds=0.01)
    thread = threading.Thread(target=runner.run, args=(task_id,))
    thread.start()
    try:
        assert begun.wait(10)
        with keeper.keeping(read_task(work, task_id), longest_seconds=60):
            clock.advance(seconds=LEASE.total_seconds() - 1)
            wait_until(lambda: read_task(work, task_id).lease_until == clock.now() + LEASE)
            clock.advance(seconds=LEASE.total_seconds() - 1)
            Ticker(runner, bell).tick()
            assert read_task(work, task_id).status is TaskStatus.RUNNING
    finally:
        end.set()
        thread.join()
    assert read_task(work, task_id).status is TaskStatus.DONE


def test_a_task_that_hangs_is_not_kept_for_ever(work: Work, clock: FixedClock) -> None:
    knowing, runner = with_tasks(work, make_task(lambda: None))
    row = runner._claim(promise(knowing))
    assert row is not None
    keeper = Keeper(knowing, beat_seconds=60)
    with keeper.keeping(row, longest_seconds=0):
        clock.advance(seconds=5)
        keeper.renew()
    assert read_task(work, row.id).lease_until == row.lease_until


def test_what_another_worker_took_over_is_left_alone(work: Work, clock: FixedClock, bell: FakeBell) -> None:
    knowing, runner = with_tasks(work, make_task(lambda: None, max_attempts=5))
    late = runner._claim(promise(knowing))
    assert late is not None
    clock.advance(seconds=LEASE.total_seconds() + 1)
    Ticker(runner, bell).tick()
    taken = runner._claim(late.id)
    assert taken is not None
    keeper = Keeper(knowing, beat_seconds=60)
    with keeper.keeping(late, longest_seconds=60):
        clock.advance(seconds=3)
        keeper.renew()
    assert read_task(work, late.id).lease_until == taken.lease_until
