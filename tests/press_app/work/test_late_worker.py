"""A worker whose time ran out: whatever it still says, the row belongs to the next attempt."""

import threading

import pytest

from press_app.kit.clock import FixedClock
from press_app.work.model import TaskStatus
from press_app.work.ticker import Ticker
from press_app.work.unit_of_work import Work
from tests.press_app.work.support import make_task, promise, read_task, with_tasks

PATIENCE_SECONDS = 30


class Attempts:
    """A task whose attempts begin and end when they are told to."""

    def __init__(self, *, first_fails: bool) -> None:
        self._first_fails = first_fails
        self._count = 0
        self.begun = [threading.Event(), threading.Event()]
        self.told_to_end = [threading.Event(), threading.Event()]

    def run(self) -> None:
        number, self._count = self._count, self._count + 1
        self.begun[number].set()
        assert self.told_to_end[number].wait(PATIENCE_SECONDS)
        if number == 0 and self._first_fails:
            message = "too late"
            raise ValueError(message)


@pytest.mark.parametrize("first_fails", [False, True], ids=["ends well", "fails"])
def test_who_was_taken_over_does_not_end_the_next_attempt(
    work: Work, clock: FixedClock, *, first_fails: bool
) -> None:
    attempts = Attempts(first_fails=first_fails)
    task = make_task(attempts.run, lease_seconds=60)
    knowing, runner = with_tasks(work, task)
    task_id = promise(knowing)
    workers = [threading.Thread(target=runner.run, args=(task_id,)) for _ in range(2)]
    try:
        workers[0].start()
        assert attempts.begun[0].wait(PATIENCE_SECONDS)
        clock.advance(seconds=61)
        Ticker(runner, knowing.bell).tick()
        workers[1].start()
        assert attempts.begun[1].wait(PATIENCE_SECONDS)

        attempts.told_to_end[0].set()
        workers[0].join(PATIENCE_SECONDS)
        row = read_task(work, task_id)
        assert (row.status, row.attempts) == (TaskStatus.RUNNING, 2)
        assert row.lease_until is not None
    finally:
        for event in attempts.told_to_end:
            event.set()
    workers[1].join(PATIENCE_SECONDS)
    row = read_task(work, task_id)
    assert (row.status, row.attempts, row.error) == (TaskStatus.DONE, 2, None)
