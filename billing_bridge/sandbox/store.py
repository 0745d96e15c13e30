"""The SQLite file and the one lock around it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from billing_bridge.sandbox.model import Setting
from billing_bridge.sandbox.outbox import Webhook

TABLES = Webhook.metadata
"""All tables: the webhooks' module imports the others."""


def _on_connect(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


class Store:
    """Transactions run one after another: a sandbox wants to be predictable more than fast."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _on_connect)
        TABLES.create_all(self._engine)
        self._lock = RLock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back when the block raises."""
        with self._lock, Session(self._engine) as session, session.begin():
            yield session

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            TABLES.drop_all(self._engine)
            TABLES.create_all(self._engine)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def get_setting(session: Session, key: str) -> dict[str, Any]:
    """The stored value, or an empty one."""
    row = session.get(Setting, key)
    return {} if row is None else dict(row.value)


def put_setting(session: Session, key: str, value: dict[str, Any]) -> None:
    """Store ``value`` under ``key``, replacing what was there."""
    session.merge(Setting(key=key, value=value))
