"""Somebody else holds the write lock of a program's SQLite database."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.e2e.platform import Platform

DATABASES = {
    "control plane's database": "press/press.db",
    "bridge's database": "bridge/bridge.db",
    "agent's ledger": "agent/ledger.sqlite",
}
PATIENCE = 30.0


def run(platform: Platform, crew: Crew, *, quick: bool) -> Iterator[Ending]:
    """Each of the three databases in turn."""
    seconds = 5 if quick else 60
    for name, file in DATABASES.items():
        yield from endure(crew, f"{name} locked for {seconds} s", lock(platform.paths.state / file, seconds))


def lock(database: Path, seconds: float) -> Callable[[], None]:
    """A fault that keeps a foreign transaction open for so long."""

    def hurt() -> None:
        with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.rollback()

    return hurt
