"""Brings the schema to the newest revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

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
