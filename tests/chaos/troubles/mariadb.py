"""MariaDB under control plane and bridge is stopped, frozen, killed."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql

from press_app.cli.output import note
from scripts.bringup.orphans import is_alive
from scripts.testing.mariadb import PASSWORD, USER, find_programs, run_mariadb
from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.chaos.troubles.disk import set_own
from tests.e2e.platform import running
from tests.factories.processes import wait_until

DATABASES = {
    "press.env": ("PRESS_DATABASE_URL", "press"),
    "bridge.env": ("PRESS_BRIDGE_DATABASE_URL", "bridge"),
}
DURABLE = "--innodb-flush-log-at-trx-commit=1"
SECONDS = 60.0


def run(is_wanted: Callable[[str], bool], *, quick: bool) -> Iterator[Ending]:
    """On a platform of its own, whose control plane and bridge keep their rows in a MariaDB of ours."""
    seconds = 5 if quick else 60
    names = tuple(
        f"MariaDB {what}" for what in (f"stopped for {seconds} s", f"frozen for {seconds} s", "killed")
    )
    if not any(map(is_wanted, names)):
        return
    if find_programs() is None:
        note("A MariaDB that is away is left out: mariadbd is not installed.")
        return
    with tempfile.TemporaryDirectory(prefix="press-mariadb-") as name:
        folder, state = Path(name) / "server", Path(name) / "state"
        state.mkdir()
        with run_mariadb(folder) as url, Server(folder, int(url.rpartition(":")[2])).durable() as server:
            for file, (variable, database) in DATABASES.items():
                server.execute(f"CREATE DATABASE {database}")
                set_own(state, file, **{variable: f"{url}/{database}"})
            with running(state) as platform:
                crew = Crew(platform, is_wanted)
                yield from endure(crew, names[0], lambda: server.stop(seconds))
                yield from endure(crew, names[1], lambda: server.freeze(seconds))
                yield from endure(crew, names[2], server.crash)


class Server:
    """The server that ``run_mariadb`` started, under our hand: stopped, started again, ended with the block."""

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._log = folder / "log"
        self._pid = int((folder / "pid").read_text("utf-8"))
        words = Path(f"/proc/{self._pid}/cmdline").read_bytes().split(b"\0")
        # The tests' server forgets its last second in a crash; here it must forget nothing.
        self._argv = [word.decode() for word in words if word] + [DURABLE]
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def durable(self) -> Iterator["Server"]:
        """For the block a server that has on its disk what it has promised."""
        self._end(signal.SIGTERM)
        self._start()
        try:
            yield self
        finally:
            self._end(signal.SIGTERM)

    def execute(self, statement: str) -> None:
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def stop(self, seconds: float) -> None:
        """As its own service is stopped: it ends its clients and its work."""
        self._end(signal.SIGTERM)
        time.sleep(seconds)
        self._start()

    def freeze(self, seconds: float) -> None:
        """It takes connections and answers nothing."""
        os.kill(self._pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def crash(self) -> None:
        self._end(signal.SIGKILL)
        self._start()

    def _start(self) -> None:
        with self._log.open("a") as stream:
            self._process = subprocess.Popen(
                self._argv, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._pid = self._process.pid
        wait_until(self._answers, seconds=SECONDS, what="MariaDB's answer")

    def _end(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, number)
        if self._process is not None:
            self._process.wait(SECONDS)
        wait_until(lambda: not is_alive(self._pid), seconds=SECONDS, what="MariaDB's end")

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except pymysql.Error:
            return False
        return True

    def _connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(
            host="127.0.0.1", port=self._port, user=USER, password=PASSWORD, connect_timeout=2
        )
