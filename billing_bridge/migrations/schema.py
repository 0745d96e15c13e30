"""Brings the schema to the newest revision, and says when it is not there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url

FOLDER = Path(__file__).parent
SCRIPT_LOCATION = "script_location"


def upgrade_database(url: str) -> str:
    """Bring the database at `url` to the newest revision; answers its name. A SQLite file's folder is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    config = make_config(url)
    command.upgrade(config, "head")
    return str(ScriptDirectory.from_config(config).get_current_head())


def make_config(url: str) -> Config:
    config = Config()
    config.set_main_option(SCRIPT_LOCATION, str(FOLDER))
    config.attributes["url"] = url
    return config


def find_schema_problem(engine: Engine) -> str | None:
    """Why the database cannot be used as it is; None when it can. Raises what the database raises."""
    head = ScriptDirectory(str(FOLDER)).get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return None
    return f"The schema is {current or 'empty'}, the program needs {head}: run 'press-bridge db upgrade'."
