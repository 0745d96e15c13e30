"""A look at a lane that costs almost nothing while nobody writes and no moment has come."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from billing_bridge.inbox.events import Lane
from billing_bridge.inbox.store import InboxStore

LONGEST_QUIET = timedelta(seconds=10)
"""Even when nothing says that there is anything new, the table itself is asked after this."""


class Watch:
    """One lane, for one thread."""

    def __init__(self, store: InboxStore, engine: sa.Engine, lane: Lane) -> None:
        self._store = store
        self._lane = lane
        self._changes = Changes(engine)
        self._looked_at = self._due_from = datetime.min.replace(tzinfo=UTC)

    def has_due(self, now: datetime) -> bool:
        """Whether anything in the lane is due; a clock that was put back is no reason to wait."""
        if not self._changes.look() and self._looked_at <= now < self._due_from:
            return False
        self._looked_at = self._due_from = now
        if self._store.has_due(now=now, lane=self._lane):
            return True
        if not self._changes.are_told:
            return False
        coming = self._store.find_next(lane=self._lane)
        self._due_from = min(now + LONGEST_QUIET, coming or now + LONGEST_QUIET)
        return False


class Changes:
    """Tells one thread, for the price of a look at a number, whether anybody wrote since it asked last."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._seen: int | None = None

    @property
    def are_told(self) -> bool:
        """Whether this kind of database says so at all; MariaDB does not."""
        return self._engine.dialect.name == "sqlite"

    def look(self) -> bool:
        """True at first, after a commit of anybody else, and always where nobody tells."""
        if not self.are_told:
            return True
        before = self._seen
        try:
            if self._connection is None:
                # The number is the connection's own, so it must be the same one each time.
                pooled = self._engine.raw_connection()
                self._connection = pooled.driver_connection
                pooled.detach()
            self._seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._seen = None
        return self._seen is None or self._seen != before
