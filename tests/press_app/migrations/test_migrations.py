"""Migrations: one line of history, both ways, and the models are what it leads to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alembic.config
import pytest
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url

from press_app.bootstrap import bootstrap
from press_app.config import Settings
from press_app.kit.db import Base, Database, open_database
from press_app.migrations import runner
from tests.press_app.conftest import MARIADB_URL

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]


@pytest.fixture
def empty_mariadb(worker_id: str) -> Iterator[str]:
    if MARIADB_URL is None:
        pytest.skip("PRESS_TEST_MARIADB_URL names no MariaDB server")
    name = f"press_migrations_{worker_id}"
    server = create_engine(make_url(MARIADB_URL).set(database=""), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        # The server's default character set on purpose: the columns must not depend on it.
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    yield make_url(MARIADB_URL).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a single table."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/press.db" if is_sqlite else request.getfixturevalue("empty_mariadb")
    database = open_database(url)
    yield database
    database.dispose()


@pytest.fixture
def alembic_config() -> alembic.config.Config:
    return runner.config()


@pytest.fixture
def alembic_engine(blank: Database) -> Engine:
    return blank.write_engine


def describe(database: Database) -> dict[str, Any]:
    """Tables, columns and indexes as the database tells them."""
    found = inspect(database.read_engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"])
                for column in found.get_columns(table)
            },
            "indexes": sorted(str(index["column_names"]) for index in found.get_indexes(table)),
            "unique": sorted(str(key["column_names"]) for key in found.get_unique_constraints(table)),
            "foreign": sorted(str(key["constrained_columns"]) for key in found.get_foreign_keys(table)),
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


class TestUpgrade:
    def test_leads_to_the_newest_schema_and_then_does_nothing(self, blank: Database) -> None:
        assert not runner.is_current(blank)
        before, after = runner.upgrade(blank)
        assert before is None
        assert after is not None
        assert runner.is_current(blank)
        assert runner.upgrade(blank) == (after, after)

    def test_leaves_a_database_of_another_version_alone(self, blank: Database) -> None:
        runner.upgrade(blank)
        with blank.write_engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'other'"))
        with pytest.raises(runner.SchemaForeign):
            runner.upgrade(blank)

    def test_makes_the_very_tables_that_the_models_make(
        self, blank: Database, request: pytest.FixtureRequest
    ) -> None:
        kind = "sqlite" if blank.write_engine.dialect.name == "sqlite" else "mariadb"
        modelled: Database = request.getfixturevalue(f"{kind}_database")
        runner.upgrade(blank)
        assert describe(blank) == describe(modelled)
        assert set(describe(blank)) == set(Base.metadata.tables)

    def test_a_migrated_database_serves(self, blank: Database, settings: Settings) -> None:
        runner.upgrade(blank)
        runtime = bootstrap(settings, database=blank)
        with runtime.work.begin(actor="test") as uow:
            uow.record("test", "test:1", "It writes.")
