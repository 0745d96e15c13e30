"""Interrupts a step when the job's time is over."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from agent.jobs.errors import DeadlinePassed


def passed() -> DeadlinePassed:
    return DeadlinePassed(
        "The job's deadline has passed; what it had made was taken back where a step says compensated. "
        "Send a new job with a later deadline."
    )


@contextmanager
def interrupt_after(seconds: float) -> Iterator[None]:
    """Raise :class:`DeadlinePassed` inside the block when it takes longer.

    Works by a signal, so in the main thread only; elsewhere the time is checked before the block alone. A timer that was
    set before runs on afterwards.
    """
    if seconds <= 0:
        raise passed()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise passed()

    started = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - started)), interval)
