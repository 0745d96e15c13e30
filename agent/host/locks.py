"""Locks that a dead process cannot keep: flock on a file."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from agent.errors import AgentError

RETRY_SECONDS = 0.02


class LockBusy(AgentError):
    """Another live process holds the lock."""

    code: ClassVar[str] = "lock_busy"
    status: ClassVar[int] = 423
    title: ClassVar[str] = "Something else is at work here"


@contextmanager
def file_lock(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock for the block. Raises :class:`LockBusy` when it is not free within the time.

    The file stays: removing it would let two holders each lock a file of their own under the same name.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        _acquire(handle, path, time.monotonic() + timeout_seconds)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockBusy(
                    f"The lock {path.name} is held by another process. Nothing was changed; try again."
                ) from None
            time.sleep(RETRY_SECONDS)
        else:
            return
