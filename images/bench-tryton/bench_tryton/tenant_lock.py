"""One lock per database around each request.

The SQLite backend of Tryton makes row and table locks no-ops: without this, two writers of one tenant draw the same
number from a sequence. The lock is a file, so that admin jobs in other processes can hold it too; inside this process
a thread lock in front of it keeps the waiting short and fair.
"""

import fcntl
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RETRY_SECONDS = 0.01


class TenantBusy(Exception):
    """The lock was not free within the time."""


class TenantLocks:
    """The locks of all databases of the bench, as ``<folder>/<database>.lock``."""

    def __init__(self, folder: Path, timeout_seconds: float) -> None:
        self._folder = folder
        self._timeout = timeout_seconds
        self._threads: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()
        self._held = threading.local()

    @contextmanager
    def hold(self, database: str) -> Iterator[None]:
        """Hold the database's lock for the block. Raises :class:`TenantBusy`."""
        self._acquire(database)
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let go of the lock that this thread holds for the block: for sleeps that protect nothing."""
        database: str | None = getattr(self._held, "database", None)
        if database is None:
            yield
            return
        self._release()
        try:
            yield
        finally:
            self._acquire(database)

    def is_held(self, database: str) -> bool:
        """Whether a request of this process works on the database."""
        with self._guard:
            lock = self._threads.get(database)
        return lock is not None and lock.locked()

    def forget(self, database: str) -> None:
        with self._guard:
            self._threads.pop(database, None)

    def _acquire(self, database: str) -> None:
        deadline = time.monotonic() + self._timeout
        with self._guard:
            thread_lock = self._threads[database]
        if not thread_lock.acquire(timeout=self._timeout):
            raise TenantBusy(database)
        try:
            handle = self._acquire_file(database, deadline)
        except BaseException:
            thread_lock.release()
            raise
        self._held.database, self._held.handle, self._held.thread_lock = database, handle, thread_lock

    def _acquire_file(self, database: str, deadline: float) -> int:
        path = self._folder / f"{database}.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise TenantBusy(database) from None
                    time.sleep(RETRY_SECONDS)
                else:
                    return handle
        except BaseException:
            os.close(handle)
            raise

    def _release(self) -> None:
        thread_lock: threading.Lock = self._held.thread_lock
        os.close(self._held.handle)
        self._held.database = None
        thread_lock.release()
