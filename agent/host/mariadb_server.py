"""A MariaDB server of our own for the benches of this host: made once, reached by its socket and by nothing else."""

import os
import pwd
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, NoReturn

from agent.errors import AgentError
from agent.host import files, processes, shell

INSTALL_SECONDS = 120.0
START_SECONDS = 60.0
RETRY_SECONDS = 0.05
ADMINISTRATOR = "press"
SLOW_SECONDS = 1
SLOW = (
    "--slow-query-log=ON",
    "--log-output=TABLE",
    f"--long-query-time={SLOW_SECONDS}",
    "--event-scheduler=ON",
)
FIRST = (
    f"CREATE DEFINER='{ADMINISTRATOR}'@'localhost' EVENT IF NOT EXISTS mysql.press_forget_slow "
    "ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' DO TRUNCATE TABLE mysql.slow_log;\n"
)
"""What was slow is kept for a day; the table would grow for ever."""
ADMIN_PATH = "/usr/sbin:/usr/local/sbin"
"""Not on every user's path."""
TUNED = (
    "skip-networking",
    "skip-name-resolve",
    "character-set-server=utf8mb4",
    "collation-server=utf8mb4_unicode_ci",
    "innodb-buffer-pool-size=256M",
    "innodb-log-file-size=128M",
    "max-connections=600",
    "max-allowed-packet=64M",
    "performance-schema=OFF",
    "userstat=ON",
)
"""Frappe asks for utf8mb4 and nothing else; the figures are measured in docs/performance.md. images/mariadb/tenants.cnf has the same."""


class MariaDBMissing(AgentError):
    """The server's programs are not installed."""

    code: ClassVar[str] = "mariadb_missing"
    title: ClassVar[str] = "MariaDB is not installed on this host"


class MariaDBServer:
    """Its data, its password and its socket below one folder, which only the agent's user can enter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.password_file = folder / "password"
        self.socket = folder / "run" / "mariadb.sock"

    def serve(self) -> NoReturn:
        """Make it where it does not stand, and become it. Raises :class:`MariaDBMissing` and ``command_failed``."""
        processes.become(self._prepare())

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Have it for the block, answering. Raises :class:`MariaDBMissing` and ``command_failed``."""
        with processes.running(self._prepare()):
            deadline = time.monotonic() + START_SECONDS
            while not self.is_up():
                if time.monotonic() > deadline:
                    raise MariaDBMissing(
                        f"MariaDB does not answer at {self.socket}. Look at {self._folder}/data."
                    )
                time.sleep(RETRY_SECONDS)
            yield

    def is_up(self) -> bool:
        """Whether it takes connections."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def _prepare(self) -> tuple[str, ...]:
        server, install = _find("mariadbd"), _find("mariadb-install-db")
        for folder in (self._folder, self.socket.parent, self.socket.parent / "none"):
            files.make_directory(folder, 0o700)
        data = self._folder / "data"
        if not data.exists():
            self._make(install, server, data)
        # Read at every start; a server that was made by an agent of before gets it, too.
        first = self._folder / "run" / "first.sql"
        files.write_atomic(first, FIRST, mode=0o600)
        return (server, *self._options(data), f"--init-file={first}", *SLOW)

    def _make(self, install: str, server: str, data: Path) -> None:
        """A crash leaves either nothing or all of it: the data folder gets its name last."""
        fresh = self._folder / "data.part"
        files.remove_tree(fresh)
        made = (install, "--no-defaults", f"--user={_user()}", f"--datadir={fresh}", "--skip-test-db")
        shell.run((*made, "--auth-root-authentication-method=normal"), timeout_seconds=INSTALL_SECONDS)
        password = secrets.token_urlsafe(32)
        files.write_atomic(self.password_file, password, mode=0o600)
        # A program of a tenant runs as the agent's user, too: who somebody is says his password, never his uid.
        account = f"'{ADMINISTRATOR}'@'localhost'"
        statements = (
            "FLUSH PRIVILEGES;\n"
            f"CREATE USER {account} IDENTIFIED BY '{password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n"
            "DELETE FROM mysql.global_priv WHERE User <> 'press' AND User <> 'mariadb.sys';\n"
            "DELETE FROM mysql.proxies_priv;\n"
            "FLUSH PRIVILEGES;\n"
        )
        shell.run(
            (server, *self._options(fresh), "--bootstrap"),
            stdin=statements,
            timeout_seconds=INSTALL_SECONDS,
            hide=(password,),
        )
        fresh.replace(data)

    def _options(self, data: Path) -> tuple[str, ...]:
        return (
            "--no-defaults",
            f"--user={_user()}",
            f"--datadir={data}",
            f"--socket={self.socket}",
            f"--pid-file={self._folder / 'run' / 'pid'}",
            *(f"--{option}" for option in TUNED),
            # Nobody reads or writes files of this host by SQL, whatever he may otherwise.
            f"--secure-file-priv={self._folder / 'run' / 'none'}",
        )


def _find(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path=ADMIN_PATH)
    if found is None:
        raise MariaDBMissing(
            f"{program} is not installed. Nothing was made; install Debian's mariadb-server, or name another server "
            "in PRESS_AGENT_MARIADB_SOCKET."
        )
    return found


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name
