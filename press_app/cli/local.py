"""The parts of the control plane for commands that work on this host, without the API."""

from pathlib import Path
from typing import TYPE_CHECKING

from press_app.cli.failures import USAGE, CommandFailed

if TYPE_CHECKING:
    from press_app.bootstrap import Runtime
    from press_app.config import Settings

ACTOR = "cli"
SQLITE = "sqlite:///"


def load_settings() -> "Settings":
    """The settings of this process. Raises :class:`CommandFailed` that names each wrong one."""
    from pydantic import ValidationError

    from press_app.config import Settings

    try:
        return Settings()
    except ValidationError as error:
        names = [(f"PRESS_{str(item['loc'][0]).upper()}", item) for item in error.errors()]
    missing = [name for name, item in names if item["type"] == "missing"]
    wrong = [f"{name}: {item['msg']}" for name, item in names if item["type"] != "missing"]
    said = [f"{' and '.join(missing)} must be set"] if missing else []
    message = f"The settings are not complete: {'; '.join(said + wrong)}. Nothing was started or changed."
    if "PRESS_MASTER_KEY" in missing:
        message += (
            " In a checkout, ./scripts/press reads them from var/env/press.env, which ./scripts/up writes;"
            " elsewhere see compose/control-plane.env.example."
        )
    raise CommandFailed(message, code="settings_incomplete", status=USAGE)


def open_runtime() -> "Runtime":
    """Everything that the composition root makes, with a schema that is there."""
    from press_app.bootstrap import bootstrap
    from press_app.kit.logs import setup_logs

    settings = load_settings()
    # To standard error, and only what matters here: a doorbell that nobody hears is made up for by the sweep.
    setup_logs("ERROR")
    ensure_folder(settings)
    return bootstrap(settings)


def ensure_folder(settings: "Settings") -> None:
    """SQLite makes its file, but not the folder."""
    if settings.database_url.startswith(SQLITE):
        Path(settings.database_url.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
