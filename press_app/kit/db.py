"""Database plumbing for SQLite (WAL) and MariaDB: engines, sessions, column types."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NewType, TypeVar

from sqlalchemy import DateTime, Dialect, Engine, MetaData, String, TypeDecorator, create_engine, event
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, sessionmaker
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.pool import ConnectionPoolEntry

E = TypeVar("E", bound=StrEnum)

Session = OrmSession
"""A session that may write; it belongs to a unit of work."""

ReadSession = NewType("ReadSession", OrmSession)
"""A session that only reads; a reader cannot hand it to a writer."""

BUSY_TIMEOUT_MS = 15_000
CHOICE_LENGTH = 32


class Base(DeclarativeBase):
    """Root of all models; the naming convention lets Alembic alter constraints on SQLite."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Moment(TypeDecorator[datetime]):
    """Aware UTC moment with microseconds; MariaDB would drop both the zone and the fraction."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a moment without zone cannot be stored"
            raise ValueError(message)
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class Choice(TypeDecorator[E]):
    """A ``StrEnum`` stored as its text."""

    impl = String(CHOICE_LENGTH)
    cache_ok = True

    def __init__(self, enum: type[E]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002
        return None if value is None else self.enum(value)


def Exact(length: int) -> String:  # noqa: N802 - reads as the column type that it is
    """Text compared byte by byte on every database; MariaDB would take "Acme" and "acme " for the same."""
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


ID = Exact(36)
"""Column type of ids. An id in capitals is nobody's: else it would be stored as such, and no role would fit it."""


@dataclass(frozen=True)
class Database:
    """The two ways in: ``begin`` writes, ``read`` only reads."""

    write_engine: Engine
    read_engine: Engine
    begin: Callable[[], Session]
    read: Callable[[], ReadSession]

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.write_engine.dispose()
        self.read_engine.dispose()


class Changes:
    """Tells one thread, for the price of a look at a number, whether anybody wrote since it asked last."""

    def __init__(self, database: Database) -> None:
        self._engine = database.read_engine
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


def open_database(url: str) -> Database:
    """Engines and session factories for ``sqlite:///path`` or ``mysql+pymysql://…``."""
    write_engine = _engine(url, begin="BEGIN IMMEDIATE")
    read_engine = _engine(url, begin="BEGIN")
    writer = sessionmaker(write_engine, expire_on_commit=False)
    reader = sessionmaker(read_engine, expire_on_commit=False)
    return Database(write_engine, read_engine, writer, lambda: ReadSession(reader()))


def _engine(url: str, *, begin: str) -> Engine:
    return _sqlite_engine(url, begin=begin) if url.startswith("sqlite") else _mariadb_engine(url)


def _mariadb_engine(url: str) -> Engine:
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_size=10,
        max_overflow=40,
        connect_args={"charset": "utf8mb4", "connect_timeout": 5, "read_timeout": 60, "write_timeout": 60},
    )


def _sqlite_engine(url: str, *, begin: str) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        pool_size=10,
        max_overflow=40,
    )

    # The driver's own transaction control begins too late for BEGIN IMMEDIATE, which is what makes two writers
    # queue instead of failing half-way.
    @event.listens_for(engine, "connect")
    def on_connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
