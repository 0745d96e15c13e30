"""Which control plane a command speaks to, and with which token."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from press_app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from press_app.cli.api_client import Api

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Connection:
    """What the options before the command say."""

    api_url: str | None = None
    token: str | None = None
    token_file: Path | None = None
    state: Path | None = None

    @property
    def state_dir(self) -> Path:
        """Where the local installation keeps its data."""
        return self.state or CHECKOUT / "var"

    def find_url(self, program: str) -> str | None:
        """The address that the local installation gave to a program, or None."""
        try:
            urls = json.loads((self.state_dir / "up.json").read_text(encoding="utf-8"))["urls"]
            return str(urls[program])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def get_url(self) -> str:
        """The API's address: as given, else of the local installation, else the usual one."""
        return self.api_url or self.find_url("press-api") or DEFAULT_URL

    def get_token(self) -> str:
        """Raises :class:`CommandFailed` when there is none."""
        if self.token:
            return self.token
        path = self.token_file or self.state_dir / "secrets" / "operator-token"
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError:
            message = (
                f"There is no token: {path} cannot be read. Nothing was asked. "
                "Set PRESS_TOKEN, or give --token-file; 'press token create' makes one."
            )
            raise CommandFailed(message, code="token_missing") from None


def connection_of(ctx: typer.Context) -> Connection:
    """The connection of this call."""
    return cast("Connection", ctx.find_root().obj)


def connect(ctx: typer.Context, *, anonymous: bool = False) -> "Api":
    """The API, ready to be asked."""
    from press_app.cli.api_client import Api

    connection = connection_of(ctx)
    return Api(connection.get_url(), None if anonymous else connection.get_token())
