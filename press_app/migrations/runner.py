"""Bringing a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from press_app.errors import Conflict
from press_app.kit.db import Database


class SchemaForeign(Conflict):
    """The database was made by another version."""

    code = "schema_foreign"


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
        command.upgrade(settings, revision)
        connection.commit()
        after = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
    return before, after


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
