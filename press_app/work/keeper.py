"""Keeps the leases of running tasks: a worker that lives renews them, one that was killed loses its task in seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from press_app.errors import PressError
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=10)
"""What a claim and each renewal are good for."""
BEAT_SECONDS = 3.0


class Keeper:
    """One thread for the tasks of this process; a task that is over before the first beat costs no write."""

    def __init__(self, work: Work, *, beat_seconds: float = BEAT_SECONDS) -> None:
        self._work = work
        self._beat_seconds = beat_seconds
        self._changed = threading.Condition()
        self._held: dict[str, tuple[TaskRow, float]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, row: TaskRow, *, longest_seconds: float) -> Iterator[None]:
        """Renew the lease of ``row`` while the block runs, but not past ``longest_seconds``: then it hangs."""
        with self._changed:
            self._held[row.id] = (row, time.monotonic() + longest_seconds)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._held.pop(row.id, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._held)
            time.sleep(self._beat_seconds)
            try:
                self.renew()
            except (PressError, SQLAlchemyError) as error:
                log.warning("keeper.database_away", error=str(error))

    def renew(self) -> None:
        """Renew what runs now; a row that somebody else took over in the meantime is left alone."""
        with self._changed:
            held = [row for row, until in self._held.values() if time.monotonic() < until]
        for row in held:
            mine = (TaskRow.status == TaskStatus.RUNNING, TaskRow.attempts == row.attempts)
            with self._work.begin(actor="worker") as uow:
                uow.session.execute(
                    update(TaskRow)
                    .where(TaskRow.id == row.id, *mine)
                    .values(lease_until=uow.now() + LEASE)
                    .execution_options(synchronize_session=False)
                )
