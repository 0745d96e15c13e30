"""Migrations of an installation that is in use: every table has a row, and every reference leads to one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Column, Engine, MetaData, event, text

from press_app.kit.db import Database, open_database
from press_app.migrations import runner
from tests.press_app.migrations.test_migrations import blank, describe, empty_mariadb

__all__ = ["blank", "empty_mariadb"]

RELEASED = "0002_release_sources"
VALUES: dict[type, Any] = {
    int: 1,
    bool: True,
    datetime: datetime(2026, 11, 1, tzinfo=UTC),
    str: "{}",
    object: {},
    bytes: b"1",
}
"""Text that is JSON, too: MariaDB calls both the same."""


class Killed(BaseException):
    """Nothing more is done."""


@pytest.fixture
def filled(blank: Database) -> Database:
    """The release before, with one row in every table."""
    fill(blank)
    return blank


@pytest.fixture
def filled_sqlite(tmp_path: Path) -> Iterator[Database]:
    """The same where a table is altered by making it anew, with references that are not looked at meanwhile."""
    database = open_database(f"sqlite:///{tmp_path}/press.db")
    fill(database)
    yield database
    database.dispose()


def fill(database: Database) -> None:
    settings, metadata = runner.config(), MetaData()
    with database.write_engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, RELEASED)
        connection.commit()
    with database.write_engine.begin() as connection:
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            if table.name == "alembic_version":
                continue
            connection.execute(table.insert().values({each.name: make_value(each) for each in table.columns}))


def make_value(column: Column[Any]) -> Any:
    """Every key is the same, so that a reference leads to the row of its table."""
    if column.name == "id" or column.foreign_keys:
        return 1 if column.type.python_type is int else "1"
    return VALUES[column.type.python_type]


def count_rows(database: Database) -> dict[str, int]:
    metadata = MetaData()
    with database.read_engine.connect() as connection:
        metadata.reflect(connection)
        return {
            name: connection.scalar(text(f"SELECT count(*) FROM `{name}`")) or 0 for name in metadata.tables
        }


@contextmanager
def killed_after(engine: Engine, beginning: str) -> Iterator[None]:
    def look(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.strip().startswith(beginning):
            raise Killed

    event.listen(engine, "after_cursor_execute", look)
    try:
        with pytest.raises(Killed):
            yield
    finally:
        event.remove(engine, "after_cursor_execute", look)


def test_keeps_every_row_and_every_reference(filled: Database) -> None:
    before = count_rows(filled)
    assert {before[name] for name in ("site", "coverage", "backup", "hold", "login_link", "spare")} == {1}
    runner.upgrade(filled)
    assert runner.is_current(filled)
    after = count_rows(filled)
    assert {name: after[name] for name in before} == before
    assert after["address"] == 1


def test_references_are_looked_at_again_afterwards(filled_sqlite: Database) -> None:
    runner.upgrade(filled_sqlite)
    for engine in (filled_sqlite.write_engine, filled_sqlite.read_engine):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []


def test_a_reference_that_leads_nowhere_stops_it_and_nothing_is_changed(filled_sqlite: Database) -> None:
    before = describe(filled_sqlite)
    with filled_sqlite.write_engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("UPDATE hold SET site_id = 'none'")
        driver.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(runner.ReferencesBroken, match=r"1 rows .*hold → site.*Nothing was changed"):
        runner.upgrade(filled_sqlite)
    assert describe(filled_sqlite) == before
    assert not runner.is_current(filled_sqlite)
    with filled_sqlite.write_engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize("table", ["address", "leftover", "spare_miss"])
def test_a_repeat_makes_what_one_that_was_killed_after_a_table_did_not(
    filled: Database, sqlite_database: Database, table: str
) -> None:
    with killed_after(filled.write_engine, f"CREATE TABLE {table} "):
        runner.upgrade(filled)
    runner.upgrade(filled)
    made = describe(filled)[table]["indexes"]
    assert made == describe(sqlite_database)[table]["indexes"] != []
    assert count_rows(filled)["address"] == 1
