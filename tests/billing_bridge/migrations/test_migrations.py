"""The revisions make exactly the tables that the code uses, up and down."""

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from billing_bridge.db import metadata
from billing_bridge.migrations.revision import HEAD, find_schema_problem
from billing_bridge.migrations.schema import make_config, upgrade_database

ROOT = Path(__file__).resolve().parents[3]


def test_the_schema_equals_the_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    assert upgrade_database(database_url) == HEAD


def test_a_schema_that_is_behind_is_named(database_url: str, engine: sa.Engine) -> None:
    assert find_schema_problem(engine) is None
    command.downgrade(make_config(database_url), "0001")
    assert "is 0001" in (find_schema_problem(engine) or "")


def test_the_programs_that_stay_do_not_load_alembic() -> None:
    """It would be a tenth of what each of them holds."""
    names = "billing_bridge.cli, billing_bridge.api.app, billing_bridge.bootstrap"
    code = f"import sys, {names}; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


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
