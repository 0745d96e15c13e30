"""The ledger's SQLite file: durable when a write returns, shared by API and workers."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.host.files import make_directory
from agent.jobs.errors import LedgerUnavailable

BUSY_SECONDS = 15.0
CACHE_KIB = 256
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, target TEXT NOT NULL, bench_id TEXT NOT NULL, queue TEXT NOT NULL, status TEXT NOT NULL,
    excludes_sites INTEGER NOT NULL, created_at TEXT NOT NULL, record TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS jobs_one_open_per_target ON jobs (target) WHERE status IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (created_at) WHERE status IN ('queued', 'running');
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL, job TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS seen_credentials (
    digest TEXT PRIMARY KEY, expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_credentials_expiry ON seen_credentials (expires_at);
"""


class Database:
    """A small pool of connections; every write is one transaction that is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._write_lock = threading.Lock()
        try:
            make_directory(path.parent)
        except OSError as error:
            raise _unavailable(error) from error
        with self._connection() as connection:
            connection.executescript(SCHEMA)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for a consistent look. Raises :class:`LedgerUnavailable`."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside a transaction that commits when the block ends well.

        Raises :class:`LedgerUnavailable`; nothing of the block was written then.
        """
        with self._write_lock, self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def close(self) -> None:
        """Close the idle connections."""
        with self._idle_lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            with self._idle_lock:
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._connect()
            yield connection
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
                connection = None
            raise _unavailable(error) from error
        finally:
            if connection is not None:
                with self._idle_lock:
                    self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # Each thread of each process has a connection: with SQLite's own 2 MB they would keep more than the ledger is worth.
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        return connection


def _unavailable(error: Exception) -> LedgerUnavailable:
    return LedgerUnavailable(
        f"The agent's ledger cannot be used ({error}). Nothing was taken on; free disk space or repair the disk, "
        "then send again."
    )
