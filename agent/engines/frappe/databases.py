"""Databases of sites: made as clones of a template, changed by SQL, dropped with their user."""

import base64
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pymysql.cursors import Cursor

from agent.engines.frappe.layout import DatabaseRecord
from agent.engines.port import DatabaseUse
from agent.host.mariadb import DatabaseDamaged, DatabaseRefused, MariaDB, end_connections, fetch_all, quote

CLONERS = 2
"""Threads that copy tables: a third gains nothing on two cores."""
MAX_CONNECTIONS = 14
"""Of one tenant at a time: eight threads of the web program, workers, scheduler, and a few commands."""
RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES, "
    "CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EXECUTE, LOCK TABLES"
)


@dataclass(frozen=True)
class Databases:
    """All databases of our benches on one server. Names are ours alone, so they never need quoting tricks."""

    server: MariaDB

    def make(self, prefix: str, key: str = "") -> DatabaseRecord:
        """An empty database and a user who may do anything in it, and nothing elsewhere.

        ``key`` is the site's own, by which its secrets are encrypted; a new one without.
        """
        record = DatabaseRecord(
            database=f"{prefix}_{secrets.token_hex(4)}",
            password=secrets.token_urlsafe(24),
            key=key or make_key(),
        )
        # An underscore there stands for any sign, as in LIKE.
        pattern = quote(record.database.replace("_", "\\_"))
        with self.server.connected() as cursor:
            cursor.execute(
                f"CREATE DATABASE {quote(record.database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            )
            cursor.execute(
                f"CREATE USER '{record.database}'@'localhost' IDENTIFIED BY %s WITH MAX_USER_CONNECTIONS {MAX_CONNECTIONS}",
                (record.password,),
            )
            cursor.execute(f"GRANT {RIGHTS} ON {pattern}.* TO '{record.database}'@'localhost'")
        return record

    def drop_all(
        self, prefix: str, *, also: DatabaseRecord | None = None, but: DatabaseRecord | None = None
    ) -> bool:
        """Drop what begins with the prefix and one more, databases and users, but for one. Returns whether there was any."""
        pattern = f"{prefix}\\_%"
        named = "" if also is None else also.database
        kept = "" if but is None else but.database
        with self.server.connected() as cursor:
            databases = fetch_all(
                cursor,
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s OR schema_name = %s",
                (pattern, named),
            )
            users = fetch_all(
                cursor, "SELECT user FROM mysql.user WHERE user LIKE %s OR user = %s", (pattern, named)
            )
            for (name,) in users:
                if name != kept:
                    cursor.execute(f"DROP USER IF EXISTS '{name}'@'localhost'")
            gone = [name for (name,) in databases if name != kept]
            for name in gone:
                end_connections(cursor, name)
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
        if not tables:
            raise DatabaseDamaged(
                f"The template {source} is empty or gone. Nothing was made; deploy the bench again."
            )
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
        """A tenant's database with the tenant's own rights: what stands in it may be a trap for anybody with more."""
        with self.server.connected_as(record.database, record.password) as cursor:
            yield cursor

    def stands(self, database: str) -> bool:
        """Whether a database has Frappe's first table; none of its tables is read."""
        with self.server.connected() as cursor:
            return bool(
                fetch_all(
                    cursor,
                    "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'tabUser' "
                    "AND table_type = 'BASE TABLE'",
                    (database,),
                )
            )

    def measure(self, record: DatabaseRecord) -> int:
        """Bytes of data and indexes."""
        with self.server.connected() as cursor:
            rows = fetch_all(
                cursor,
                "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = %s "
                "AND table_type = 'BASE TABLE'",
                (record.database,),
            )
        return int(rows[0][0])

    def measure_use(self, record: DatabaseRecord) -> DatabaseUse | None:
        """What the server counted for the site's user; None where it counts nothing (``userstat``)."""
        with self.server.connected() as cursor:
            counted = fetch_all(
                cursor,
                "SELECT busy_time, rows_read FROM information_schema.user_statistics WHERE user = %s",
                (record.database,),
            )
            [(slow, slowest)] = fetch_all(
                cursor,
                "SELECT COUNT(*), COALESCE(MAX(TIME_TO_SEC(query_time)), 0) FROM mysql.slow_log "
                "WHERE LEFT(user_host, LOCATE('[', user_host) - 1) = %s",
                (record.database,),
            )
        if not counted:
            return None
        busy, rows = counted[0]
        return DatabaseUse(
            busy_seconds=round(float(busy), 3),
            rows_read=int(rows),
            slow_queries=int(slow),
            slowest_seconds=float(slowest),
        )

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


def make_key() -> str:
    """A key as Fernet wants it: 32 bytes in URL-safe base 64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


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
