"""Bringing a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from press_app.kit.db import Database


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
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        connection.commit()
        after = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
    return before, after


def is_current(database: Database) -> bool:
    """Whether the schema is the newest."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    with database.read_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head
