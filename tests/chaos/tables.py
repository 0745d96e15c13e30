"""Whether a database grows by more than the rows that it is meant to keep."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

DATABASES = ("press/press.db", "bridge/bridge.db", "agent/ledger.sqlite")
PASSING = {
    "press/press.db": "SELECT (SELECT count(*) FROM lease) + (SELECT count(*) FROM task WHERE status != 'done')",
    "bridge/bridge.db": "SELECT (SELECT count(*) FROM leases)"
    " + (SELECT count(*) FROM inbox WHERE status NOT IN ('handled', 'ignored'))",
    "agent/ledger.sqlite": "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')",
}
"""Rows that come and go; they must not pile up."""
MOST_PASSING = 40
SLACK_BYTES = 512 * 1024
SLACK = 1.5
"""A page is not always full, and rows differ in size."""


@dataclass(frozen=True)
class Size:
    """One database at one moment."""

    used: int
    """Bytes of pages in use; those that wait to be used again are left out."""
    log: int
    """Bytes of the write-ahead log."""
    rows: Mapping[str, int]
    passing: int

    @property
    def count(self) -> int:
        return sum(self.rows.values())


def read_size(state: Path, database: str) -> Size:
    """Ask the database itself."""
    path = state / database
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        ask = connection.execute
        tables = [name for (name,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        free, size, pages = (
            ask(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size", "page_count")
        )
        rows = {name: ask(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
        (passing,) = ask(PASSING[database]).fetchone()
    log = path.with_name(f"{path.name}-wal")
    return Size((pages - free) * size, log.stat().st_size if log.exists() else 0, rows, passing)


@dataclass(frozen=True)
class Growth:
    """One database from the end of the warm-up to the end of the run."""

    database: str
    before: Size
    after: Size

    @property
    def bytes(self) -> int:
        return self.after.used - self.before.used

    @property
    def kept(self) -> dict[str, int]:
        """Rows that were added and are kept, the largest first."""
        added = {name: count - self.before.rows.get(name, 0) for name, count in self.after.rows.items()}
        return dict(sorted(((name, n) for name, n in added.items() if n > 0), key=lambda item: -item[1]))

    @property
    def explained(self) -> float:
        """Bytes that the kept rows may take, each as much as a row takes on average at the end."""
        average = self.after.used / max(1, self.after.count)
        return SLACK * average * sum(self.kept.values()) + SLACK_BYTES

    @property
    def is_flat(self) -> bool:
        """Whether rows that are kept explain the growth, and nothing that should pass stays."""
        return self.bytes <= self.explained and self.after.passing <= MOST_PASSING
