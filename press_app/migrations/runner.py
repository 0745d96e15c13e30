"""Bringing a database to the newest schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from press_app.errors import Conflict
from press_app.kit.db import Database


class SchemaForeign(Conflict):
    """The database was made by another version."""

    code = "schema_foreign"


class ReferencesBroken(Conflict):
    """Rows would point at rows that do not exist."""

    code = "references_broken"


def config() -> Config:
    """Alembic's settings without an ini file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    return made


def upgrade(database: Database, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrate. Returns the revision before and after; equal when there was nothing to do."""
    with database.write_engine.connect() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        _refuse_foreign(before)
        settings = config()
        settings.attributes["connection"] = connection
        with migrating(connection):
            command.upgrade(settings, revision)
        after = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
    return before, after


@contextmanager
def migrating(connection: Connection) -> Iterator[None]:
    """What is done to the schema inside is committed at the end. Raises :class:`ReferencesBroken`, and nothing was changed then.

    SQLite alters a table by making it anew, and would not let the old one go while any row points at it: references are
    looked at once at the end instead of all the time.
    """
    if connection.dialect.name != "sqlite":
        yield
        connection.commit()
        return
    _enforce(connection, is_on=False)
    # Begun here, because Alembic would commit each migration by itself, before anybody looked.
    connection.begin()
    try:
        yield
        _refuse_broken(connection)
        connection.commit()
    finally:
        connection.rollback()
        _enforce(connection, is_on=True)


def _enforce(connection: Connection, *, is_on: bool) -> None:
    # On the driver's own connection: within a transaction, which any statement of the other one begins, it would do nothing.
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.execute(f"PRAGMA foreign_keys={'ON' if is_on else 'OFF'}")


def _refuse_broken(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = sorted({f"{table} → {parent}" for table, _row, parent, _key in broken})
        message = (
            f"{len(broken)} rows would point at rows that do not exist ({', '.join(tables)}). Nothing was changed. Go on with "
            "the version before, and report this."
        )
        raise ReferencesBroken(message, tables=tables)


def _refuse_foreign(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if revision is not None and revision not in known:
        message = (
            f"The database is at revision {revision}, which this version does not know: it was made by a newer version, "
            "or before the first release. Nothing was changed. Go on with the version that made it, or begin with an "
            "empty database ('./scripts/up --reset' erases the embedded one)."
        )
        raise SchemaForeign(message, revision=revision)


def is_current(database: Database) -> bool:
    """Whether the schema is the newest."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    with database.read_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
