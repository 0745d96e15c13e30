"""The revisions make exactly the tables that the code uses, up and down."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from billing_bridge.db import metadata
from billing_bridge.migrations.schema import make_config, upgrade_database


def test_the_schema_equals_the_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    assert upgrade_database(database_url) == "0002"


def test_down_and_up_again(database_url: str, engine: sa.Engine) -> None:
    config = make_config(database_url)
    command.downgrade(config, "base")
    assert set(sa.inspect(engine).get_table_names()) == {"alembic_version"}
    command.upgrade(config, "head")
    assert {"inbox", "leases", "sent", "mismatches", "notes"} <= set(sa.inspect(engine).get_table_names())


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    upgrade_database(f"sqlite:///{tmp_path}/deep/er/bridge.db")
    assert (tmp_path / "deep/er/bridge.db").exists()


def test_sqlite_keeps_what_was_acknowledged(tmp_path: Path, engine: sa.Engine) -> None:
    del tmp_path
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        pragmas = [connection.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
