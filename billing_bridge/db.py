"""The bridge's database: engine, types and tables, the same on SQLite and on MariaDB."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
metadata = sa.MetaData(naming_convention=CONVENTION)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC with microseconds; the database keeps it without a zone, Python always sees one."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[datetime]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone cannot be stored; pass an aware datetime.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return value.replace(tzinfo=UTC) if value is not None else None


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Body = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
CACHE_KIB = 512
SUBJECT_LENGTH = 255
KEY_LENGTH = 100

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("unique_key", sa.String(KEY_LENGTH), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("webhook_type", sa.String(100), nullable=False),
    sa.Column("organization_id", sa.String(64)),
    sa.Column("body", Body, nullable=False),
    sa.Column("correlation_id", sa.String(64)),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", UtcDateTime, nullable=False),
    sa.Column("lease_owner", sa.String(64)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("handled_at", UtcDateTime),
    sa.Column("outcome", sa.Text),
    sa.Column("error_code", sa.String(64)),
    sa.Column("error_message", sa.Text),
    sa.UniqueConstraint("unique_key"),
    sa.Index(None, "status", "next_attempt_at"),
    **MARIADB,
)
"""Every event that was accepted, and every piece of work the bridge gave itself."""

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("subject", sa.String(SUBJECT_LENGTH), primary_key=True),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
    **MARIADB,
)
"""Who works on which subscription at the moment, and why."""

sent = sa.Table(
    "sent",
    metadata,
    sa.Column("external_id", sa.String(SUBJECT_LENGTH), primary_key=True),
    sa.Column("wanted", sa.String(8)),
    sa.Column("plan_code", sa.String(255)),
    sa.Column("reason_code", sa.String(32)),
    sa.Column("entitlements", sa.JSON),
    sa.Column("plan_print", sa.String(64)),
    sa.Column("observed_at", UtcDateTime),
    sa.Column("lago_id", sa.String(255)),
    **MARIADB,
)
"""What the control plane was last told; a row means that it knows the subscription."""

mismatches = sa.Table(
    "mismatches",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("external_id", sa.String(SUBJECT_LENGTH), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("lago_says", sa.JSON),
    sa.Column("press_had", sa.JSON),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("times_seen", sa.Integer, nullable=False),
    sa.Column("repaired_at", UtcDateTime),
    sa.Column("error", sa.Text),
    sa.Index(None, "repaired_at"),
    sa.Index(None, "external_id"),
    **MARIADB,
)
"""Where Lago and the control plane differed when they were compared."""

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    **MARIADB,
)
"""Single facts: the last reconcile and what it found."""


def make_engine(url: str) -> sa.Engine:
    """An engine for `url`; SQLite gets WAL with a full sync, so that what was acknowledged survives a power cut."""
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": 15}, pool_size=5, max_overflow=40)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    return sa.create_engine(
        url,
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_size=10,
        max_overflow=40,
        isolation_level="READ COMMITTED",
        connect_args={"charset": "utf8mb4", "connect_timeout": 5, "read_timeout": 30, "write_timeout": 30},
    )


def _prepare_sqlite(connection: sa.engine.interfaces.DBAPIConnection, record: ConnectionPoolEntry) -> None:
    del record
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        # Each connection of a pool has its own: with SQLite's 2 MB a worker would keep more than it uses twice.
        f"cache_size=-{CACHE_KIB}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def insert_new(engine: sa.Engine, table: sa.Table) -> sa.Insert:
    """An INSERT that leaves an existing row alone; its rowcount tells 1 for new and 0 for known."""
    if engine.dialect.name == "sqlite":
        return sa.insert(table).prefix_with("OR IGNORE")
    return sa.insert(table).prefix_with("IGNORE")
