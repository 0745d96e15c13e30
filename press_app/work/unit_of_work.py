"""One request or one task is one transaction; what it promises is kept after the commit."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from press_app.errors import Conflict, PressError
from press_app.kit.clock import Clock
from press_app.kit.crypto import Vault
from press_app.kit.db import Database, ReadSession, Session
from press_app.kit.ids import new_id
from press_app.work.bell import Bell
from press_app.work.model import JournalRow, TaskRow, TaskStatus

log = structlog.get_logger(__name__)

Listener = Callable[["UnitOfWork", Any], None]


class StaleWrite(Conflict):
    """Another writer changed the row first."""

    code = "stale_write"


class DatabaseBusy(PressError):
    """The database did not take the transaction in time."""

    code = "database_busy"
    status = 503
    title = "The database is busy"


class Subscribers:
    """Which functions hear which domain event; filled once by the composition root."""

    def __init__(self) -> None:
        self._listeners: dict[type[Any], list[Listener]] = defaultdict(list)

    def on(self, event: type[Any], listener: Listener) -> None:
        self._listeners[event].append(listener)

    def of(self, event: object) -> list[Listener]:
        return self._listeners[type(event)]


@dataclass(frozen=True)
class TaskPolicy:
    """What the sender must know of a task: its queue."""

    queue: str


@dataclass(frozen=True)
class Work:
    """Everything a unit of work needs; made once per process."""

    database: Database
    clock: Clock
    bell: Bell
    subscribers: Subscribers = field(default_factory=Subscribers)
    policies: Mapping[str, TaskPolicy] = field(default_factory=dict)
    vault: Vault = field(default_factory=lambda: Vault(os.urandom(32)))
    """Seals secrets; without a given master key what is sealed cannot be read after a restart."""

    def begin(self, *, actor: str, correlation_id: str | None = None) -> "UnitOfWork":
        """A unit of work to be used as a context manager: commits at the end, rolls back on an error."""
        return UnitOfWork(self, actor=actor, correlation_id=correlation_id or new_id())

    def read(self) -> ReadSession:
        """A session that only reads; close it, or use it as a context manager."""
        return self.database.read()


class UnitOfWork:
    """A transaction, the events raised in it, and the tasks promised by it."""

    def __init__(self, work: Work, *, actor: str, correlation_id: str) -> None:
        self._work = work
        self.actor = actor
        self.correlation_id = correlation_id
        self.vault = work.vault
        self.session: Session = work.database.begin()
        self._rings: list[tuple[str, str]] = []
        self._journaled = False

    def now(self) -> datetime:
        return self._work.clock.now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._commit()
            else:
                self.session.rollback()
        except StaleDataError as stale:
            raise stale_write() from stale
        finally:
            self.session.close()
        if isinstance(error, StaleDataError):
            raise stale_write() from error
        if error is None:
            self._keep_promises()

    def _commit(self) -> None:
        try:
            self.session.commit()
        except OperationalError as error:
            self.session.rollback()
            message = "The database did not answer in time. Whether the change was stored is not known: look first, then try again."
            raise DatabaseBusy(message) from error
        except BaseException:
            self.session.rollback()
            raise

    def _keep_promises(self) -> None:
        for task_id, queue in self._rings:
            self._work.bell.ring(task_id, queue)
        if self._journaled:
            self._work.bell.announce()

    def publish(self, event: object) -> None:
        """Call the listeners of a domain event, in this very transaction."""
        for listener in self._work.subscribers.of(event):
            listener(self, event)

    def enqueue(
        self, name: str, *, after: timedelta = timedelta(), unique_key: str | None = None, **args: str
    ) -> str | None:
        """Promise to call the task ``name`` after the commit.

        With ``unique_key`` a second promise under the same key is dropped while the first stands and waits;
        then None comes back, else the task's id.
        """
        policy = self._work.policies[name]
        now = self.now()
        if unique_key is not None and (waiting := self._find_waiting(unique_key)) is not None:
            self._bring_forward(waiting, now + after)
            return None
        row = TaskRow(
            id=new_id(),
            name=name,
            args=args,
            queue=policy.queue,
            status=TaskStatus.WAITING,
            unique_key=unique_key,
            merge_key=unique_key,
            attempts=0,
            run_at=now + after,
            planned_at=now,
            rung_at=now if not after else None,
            correlation_id=self.correlation_id,
            created_at=now,
        )
        try:
            with self.session.begin_nested():
                self.session.add(row)
        except IntegrityError:
            return None
        if not after:
            self._rings.append((row.id, policy.queue))
        return row.id

    def _find_waiting(self, unique_key: str) -> TaskRow | None:
        # Locked, so that no worker runs it between this look and the commit, blind for what this one writes.
        return self.session.scalar(select(TaskRow).where(TaskRow.unique_key == unique_key).with_for_update())

    def _bring_forward(self, waiting: TaskRow, run_at: datetime) -> None:
        """A wish for an earlier moment must not wait for the later one that stands under the same key."""
        if waiting.status is TaskStatus.WAITING and run_at < waiting.run_at:
            waiting.run_at = run_at
            waiting.planned_at = self.now()
            waiting.rung_at = None
            self._rings.append((waiting.id, waiting.queue))

    def record(
        self, kind: str, subject: str, message: str, *, team_id: str | None = None, **data: object
    ) -> None:
        """Write one line into the journal: the timeline of ``subject`` and the stream of events."""
        self.session.add(
            JournalRow(
                at=self.now(),
                kind=kind,
                subject=subject,
                team_id=team_id,
                actor=self.actor,
                message=message,
                data=data,
                correlation_id=self.correlation_id,
            )
        )
        self._journaled = True


def stale_write() -> StaleWrite:
    """The error for the writer that came second."""
    message = "Somebody else changed this at the same moment. Your change was not stored. Read it again and repeat the change."
    return StaleWrite(message)
