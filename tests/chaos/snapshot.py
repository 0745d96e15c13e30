"""A copy of what a platform wrote down, to be spoilt while the platform goes on."""

import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from scripts.bringup.programs import format_env
from scripts.bringup.state import Paths
from tests.e2e.platform import Platform

DATABASES = ("press/press.db", "bridge/bridge.db", "agent/ledger.sqlite")
FOLDERS = ("agent/benches", "agent/locks", "backups", "secrets")
KEY = "press/agent-key.pem"
ENVIRONMENTS = ("press.env", "agent.env", "bridge.env", "lago-sandbox.env")


def copy_books(platform: Platform, folder: Path, sites: Collection[str]) -> Platform:
    """The same platform at the same addresses, whose files stand in this folder; data only of these sites."""

    def leave_out(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names if ".sqlite" in name and name.partition(".")[0] not in sites}

    state = platform.paths.state
    for name in DATABASES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(state / name)) as source,
            closing(sqlite3.connect(folder / name)) as target,
        ):
            target.execute("PRAGMA synchronous=OFF")
            source.backup(target)
    for name in FOLDERS:
        shutil.copytree(state / name, folder / name, ignore=leave_out)
    shutil.copy(state / KEY, folder / KEY)
    return move_in(platform, folder)


def copy_again(copy: Platform, folder: Path) -> Platform:
    """A copy of a copy, which nobody writes to."""
    shutil.copytree(copy.paths.state, folder)
    return move_in(copy, folder)


def move_in(platform: Platform, folder: Path) -> Platform:
    """The platform with environments that lead into this folder, where its files stand already."""
    paths = Paths(folder)
    paths.env.mkdir(exist_ok=True)
    for name in ENVIRONMENTS:
        settings = platform.read_env(name)
        moved = {
            key: value.replace(str(platform.paths.state), str(folder)) for key, value in settings.items()
        }
        (paths.env / name).write_text(format_env(moved), "utf-8")
    return replace(platform, paths=paths)


def change(platform: Platform, database: str, statement: str, *values: object) -> None:
    """One statement in a database of the copy; it must hit a row."""
    with closing(sqlite3.connect(platform.paths.state / database)) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")
        assert connection.execute(statement, values).rowcount > 0, f"nothing was hit: {statement}"
