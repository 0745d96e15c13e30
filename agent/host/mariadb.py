"""The MariaDB server that tenants' databases live on, over its socket: as its administrator, or as a tenant.

The administrator makes, copies and drops databases and reads the server's own tables. He never reads a table of a tenant: a view with
the rights of whoever looks would run in his name.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pymysql
from pymysql.cursors import Cursor

from agent.errors import AgentError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 300
UNREACHABLE = frozenset({2002, 2003, 2006, 2013, 1040, 1053, 1927})
"""No way to the server, gone in the middle, too many connections, shutting down, killed (MariaDB error codes)."""
TOO_MANY = 1226
"""The user has all the connections that he may have."""
PATIENT = "SET lock_wait_timeout = 20, innodb_lock_wait_timeout = 20, max_statement_time = 120"
"""What a tenant locks must not hold a worker of ours."""
DAMAGED = frozenset({1017, 1033, 1034, 1035, 1049, 1146, 1194, 1195, 1286, 1812, 1814, 1877, 1932})
"""A database, table or tablespace that is missing or cannot be read."""
GONE_BY_ITSELF = 1094
"""No such connection (ER_NO_SUCH_THREAD)."""
FULL = frozenset({3, 28, 1021, 1114})


class DatabaseUnreachable(AgentError):
    """The database server does not answer."""

    code: ClassVar[str] = "database_unreachable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The database server does not answer"
    passes_in_seconds: ClassVar[float] = 90.0


class DatabaseFull(AgentError):
    """The database server has no room left."""

    code: ClassVar[str] = "database_full"
    status: ClassVar[int] = 507
    title: ClassVar[str] = "The database server has no room left"


class DatabaseRefused(AgentError):
    """The database server refused a statement."""

    code: ClassVar[str] = "database_refused"
    title: ClassVar[str] = "The database server refused a statement"


class DatabaseDamaged(DatabaseRefused):
    """What a statement names is missing or cannot be read."""

    code: ClassVar[str] = "database_damaged"


class ConnectionsUsedUp(DatabaseRefused):
    """A tenant has all the connections that he may have."""

    code: ClassVar[str] = "database_connections_used_up"


class MariaDB:
    """One server, by its socket; tenants' programs reach it by the same socket with rights of their own."""

    def __init__(self, socket: Path, user: str, password_file: Path) -> None:
        self.socket = socket
        self._user = user
        self._password_file = password_file

    @contextmanager
    def connected(self, database: str | None = None) -> Iterator[Cursor]:
        """The administrator for the block, one transaction: committed at its end, rolled back on an error.

        Raises :class:`DatabaseUnreachable`, :class:`DatabaseFull`, :class:`DatabaseDamaged` and :class:`DatabaseRefused`.
        """
        try:
            password = self._password_file.read_text("utf-8").strip()
        except FileNotFoundError as error:
            raise DatabaseUnreachable(
                f"There is no {self._password_file.name} for the database server at {self.socket}. Nothing was done; "
                "start it (press-agent run mariadb), or set PRESS_AGENT_MARIADB_PASSWORD_FILE."
            ) from error
        with self._connected(self._user, password, database) as cursor:
            yield cursor

    @contextmanager
    def connected_as(self, tenant: str, password: str) -> Iterator[Cursor]:
        """A tenant in his own database for the block, with his rights and no others; likewise one transaction.

        One who uses up his connections loses them: what is done to him must not wait for him.
        """
        try:
            with self._connected(tenant, password, tenant, PATIENT) as cursor:
                yield cursor
        except ConnectionsUsedUp:
            with self.connected() as administrator:
                end_connections(administrator, tenant)
            with self._connected(tenant, password, tenant, PATIENT) as cursor:
                yield cursor

    @contextmanager
    def _connected(
        self, user: str, password: str, database: str | None, first: str | None = None
    ) -> Iterator[Cursor]:
        if not self.socket.exists():
            raise DatabaseUnreachable(
                f"There is no database server at {self.socket}. Nothing was done; the job goes on when it is there."
            )
        try:
            connection = pymysql.connect(
                unix_socket=str(self.socket),
                user=user,
                password=password,
                database=database,
                charset="utf8mb4",
                init_command=first,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=ANSWER_SECONDS,
                write_timeout=ANSWER_SECONDS,
            )
            with closing(connection), connection.cursor() as cursor:
                yield cursor
                connection.commit()
        except pymysql.MySQLError as error:
            raise _explain(self.socket, error) from error


def _explain(socket: Path, error: pymysql.MySQLError) -> AgentError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = str(error.args[1]) if len(error.args) > 1 else str(error)
    is_lost = number == 0 and isinstance(error, pymysql.OperationalError | pymysql.InterfaceError)
    if number == TOO_MANY:
        return ConnectionsUsedUp(f"The database server says: {said}. Nothing was changed.")
    if number in UNREACHABLE or is_lost:
        return DatabaseUnreachable(
            f"The database server at {socket} does not answer ({said or type(error).__name__}). What was begun in it is "
            "rolled back; the job goes on when it is back."
        )
    if number in FULL:
        return DatabaseFull(
            f"The database server has no room left ({said}). What was begun is rolled back; make room, then repeat the job."
        )
    if number in DAMAGED:
        return DatabaseDamaged(f"The database server says: {said}. Nothing was changed.")
    return DatabaseRefused(f"The database server refused a statement: {said} ({number}). It was rolled back.")


def quote(name: str) -> str:
    """A name of a database, table or column as it stands in a statement."""
    return f"`{name.replace('`', '``')}`"


def end_connections(cursor: Cursor, user: str) -> None:
    """End all that a user has open: a pooled connection of a bench would hold its database's locks."""
    for (number,) in fetch_all(
        cursor, "SELECT id FROM information_schema.processlist WHERE user = %s", (user,)
    ):
        try:
            cursor.execute(f"KILL {int(number)}")
        except pymysql.MySQLError as error:
            if error.args[0] != GONE_BY_ITSELF:
                raise


def fetch_all(cursor: Cursor, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    cursor.execute(statement, values or None)
    return list(cursor.fetchall())
