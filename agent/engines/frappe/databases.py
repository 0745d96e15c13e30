"""Databases of sites: made as clones of a template, changed by SQL, dropped with their user."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pymysql
from pymysql.cursors import Cursor

from agent.engines.frappe.layout import DatabaseRecord
from agent.host.mariadb import DatabaseDamaged, DatabaseRefused, MariaDB, fetch_all, quote

GONE_BY_ITSELF = 1094
"""No such connection (ER_NO_SUCH_THREAD)."""
CLONERS = 2
"""Threads that copy tables: a third gains nothing on two cores."""
MAX_CONNECTIONS = 30
"""Of one tenant at a time: threads of the web program, workers, and a few commands."""
RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES, "
    "CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EXECUTE, LOCK TABLES"
)


@dataclass(frozen=True)
class Databases:
    """All databases of our benches on one server. Names are ours alone, so they never need quoting tricks."""

    server: MariaDB

    def make(self, prefix: str) -> DatabaseRecord:
        """An empty database and a user who may do anything in it, and nothing elsewhere."""
        record = DatabaseRecord(
            database=f"{prefix}_{secrets.token_hex(4)}", password=secrets.token_urlsafe(24)
        )
        with self.server.connected() as cursor:
            cursor.execute(
                f"CREATE DATABASE {quote(record.database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            )
            cursor.execute(
                f"CREATE USER '{record.database}'@'localhost' IDENTIFIED BY %s WITH MAX_USER_CONNECTIONS {MAX_CONNECTIONS}",
                (record.password,),
            )
            cursor.execute(f"GRANT {RIGHTS} ON {quote(record.database)}.* TO '{record.database}'@'localhost'")
        return record

    def drop_all(self, prefix: str, *, but: str = "") -> bool:
        """Drop what begins with the prefix, databases and users, but for one. Returns whether there was any."""
        pattern = f"{prefix}\\_%"
        with self.server.connected() as cursor:
            databases = fetch_all(
                cursor,
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s",
                (pattern,),
            )
            users = fetch_all(cursor, "SELECT user FROM mysql.user WHERE user LIKE %s", (pattern,))
            for (name,) in users:
                if name != but:
                    cursor.execute(f"DROP USER IF EXISTS '{name}'@'localhost'")
            gone = [name for (name,) in databases if name != but]
            for name in gone:
                _end_connections(cursor, name)
                cursor.execute(f"DROP DATABASE IF EXISTS {quote(name)}")
        return bool(gone)

    def forget_user(self, record: DatabaseRecord) -> None:
        """Let nobody log in to a database any more."""
        with self.server.connected() as cursor:
            cursor.execute(f"DROP USER IF EXISTS '{record.database}'@'localhost'")

    def copy(self, source: str, target: str) -> None:
        """Copy all tables and sequences, with what stands in them."""
        with self.server.connected() as cursor:
            kinds = fetch_all(
                cursor,
                "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s "
                "ORDER BY data_length DESC",
                (source,),
            )
        tables = [name for name, kind in kinds if kind == "BASE TABLE"]
        sequences = [name for name, kind in kinds if kind == "SEQUENCE"]
        shares = [tables[number::CLONERS] for number in range(CLONERS)]
        with ThreadPoolExecutor(CLONERS) as pool:
            list(pool.map(lambda share: self._copy_tables(source, target, share), shares))
        with self.server.connected(target) as cursor:
            for name in sequences:
                _copy_sequence(cursor, source, name)

    def _copy_tables(self, source: str, target: str, tables: list[str]) -> None:
        with self.server.connected(target) as cursor:
            # The copy is thrown away when it fails: nothing has to be checked or made durable on the way.
            cursor.execute("SET SESSION unique_checks = 0, foreign_key_checks = 0")
            for table in tables:
                name = quote(table)
                cursor.execute(f"CREATE TABLE {name} LIKE {quote(source)}.{name}")
                cursor.execute(f"INSERT INTO {name} SELECT * FROM {quote(source)}.{name}")  # noqa: S608 - quoted names

    @contextmanager
    def opened(self, record: DatabaseRecord) -> Iterator[Cursor]:
        with self.server.connected(record.database) as cursor:
            yield cursor

    def measure(self, record: DatabaseRecord) -> int:
        """Bytes of data and indexes."""
        with self.server.connected() as cursor:
            rows = fetch_all(
                cursor,
                "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = %s",
                (record.database,),
            )
        return int(rows[0][0])

    def has_data(self, record: DatabaseRecord) -> bool:
        """Whether this is a Frappe database whose people can be read."""
        try:
            with self.opened(record) as cursor:
                return bool(fetch_all(cursor, "SELECT 1 FROM tabUser JOIN tabDocType LIMIT 1"))
        except DatabaseRefused:
            return False

    def end_sessions(self, record: DatabaseRecord) -> None:
        """End all sessions; a damaged database has none that anybody could use."""
        self._where_it_stands(record, lambda cursor: cursor.execute("DELETE FROM tabSessions"))

    def calm(self, record: DatabaseRecord) -> None:
        """Let a fresh clone's recurring jobs count from now: else all that are due since the template was made run at once."""
        with self.opened(record) as cursor:
            zone = fetch_all(
                cursor,
                "SELECT value FROM tabSingles WHERE doctype = 'System Settings' AND field = 'time_zone'",
            )
            now = datetime.now(tz=_find_zone(zone[0][0] if zone else "")).replace(tzinfo=None)
            cursor.execute("UPDATE `tabScheduled Job Type` SET last_execution = %s", (now,))

    def _where_it_stands(self, record: DatabaseRecord, act: Callable[[Cursor], object]) -> None:
        try:
            with self.opened(record) as cursor:
                act(cursor)
        except DatabaseDamaged:
            return


def _find_zone(name: str) -> ZoneInfo:
    """Frappe writes naive times of the site's own zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _copy_sequence(cursor: Cursor, source: str, name: str) -> None:
    """``CREATE TABLE LIKE`` does not fit a sequence: it is made anew and goes on where the other stood."""
    [(_, statement)] = fetch_all(cursor, f"SHOW CREATE SEQUENCE {quote(source)}.{quote(name)}")
    cursor.execute(statement)
    [(following,)] = fetch_all(
        cursor,
        f"SELECT next_not_cached_value FROM {quote(source)}.{quote(name)}",  # noqa: S608 - quoted names
    )
    cursor.execute(f"SELECT SETVAL({quote(name)}, %s, 0)", (following,))


def _end_connections(cursor: Cursor, database: str) -> None:
    """A pooled connection of the bench would hold the database's locks."""
    for (number,) in fetch_all(
        cursor, "SELECT id FROM information_schema.processlist WHERE user = %s", (database,)
    ):
        try:
            cursor.execute(f"KILL {int(number)}")
        except pymysql.MySQLError as error:
            if error.args[0] != GONE_BY_ITSELF:
                raise
