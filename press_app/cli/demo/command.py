"""The command ``press demo``."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from press_app.cli.connection import Connection, connect, connection_of
from press_app.cli.failures import USAGE, CommandFailed
from press_app.cli.output import Json, print_json, say

if TYPE_CHECKING:
    from press_app.cli.demo.lago import Lago
    from press_app.cli.demo.play import Play

DEFAULT_SECONDS = 90.0


def run_demo(
    ctx: typer.Context,
    *,
    lago_url: Annotated[
        str | None,
        typer.Option(envvar="PRESS_DEMO_LAGO_URL", help="Lago's address; else the local sandbox."),
    ] = None,
    lago_key: Annotated[
        str | None,
        typer.Option(
            envvar=["PRESS_DEMO_LAGO_KEY", "PRESS_SANDBOX_API_KEY"], hidden=True, help="Lago's API key."
        ),
    ] = None,
    lago_key_file: Annotated[
        Path | None, typer.Option(help="File with Lago's API key; else var/secrets/lago-api-key.")
    ] = None,
    edge_url: Annotated[
        str | None,
        typer.Option(envvar="PRESS_DEMO_EDGE_URL", help="Where the edge listens; else the site's address."),
    ] = None,
    plan: Annotated[str, typer.Option(help="Code of the plan.")] = "starter",
    create_only: Annotated[
        bool, typer.Option("--create-only", help="Only make the tenant, and a link that logs in once.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the site running at the end.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that each step may take.")] = DEFAULT_SECONDS,
    as_json: Json = False,
) -> None:
    """Play one paid subscription through the real programs; exits 0 only when every promise held.

    Starts a subscription in Lago and logs into its ERP through the edge; lets a payment fail (402), pays (200, and the
    data stand), ends it (verified backup, 404) and starts it again (the data are back).
    """
    from press_app.cli.demo.journal import Journal
    from press_app.cli.demo.play import Play, Tenant

    connection = connection_of(ctx)
    play = Play(
        api=connect(ctx),
        lago=make_lago(connection, lago_url, lago_key, lago_key_file),
        journal=Journal(is_quiet=as_json),
        tenant=Tenant(mark=secrets.token_hex(4), plan=plan),
        edge_url=edge_url or connection.find_url("edge"),
        seconds=timeout,
    )
    failure = _run(play, create_only=create_only, keep=keep or create_only)
    described = play.describe() | {"ok": failure is None}
    if failure is None and (keep or create_only):
        described["login_url"] = play.make_link()
    if as_json:
        print_json(described)
    elif failure is None:
        say(
            f"{described['url']} is there. Log in once: {described['login_url']}"
            if "login_url" in described
            else "Every promise held."
        )
    if failure is not None:
        raise failure


def _run(play: "Play", *, create_only: bool, keep: bool) -> CommandFailed | None:
    """All acts; what failed, or None."""
    try:
        play.create()
        if not create_only:
            play.suspend_and_resume()
            play.leave_and_return()
        if keep:
            play.pay()
        else:
            play.clean_up()
    except CommandFailed as failure:
        return failure
    return None


def make_lago(connection: Connection, url: str | None, key: str | None, key_file: Path | None) -> "Lago":
    from press_app.cli.demo.lago import Lago

    url = url or connection.find_url("lago-sandbox")
    if url is None:
        message = "Where is Lago? Give --lago-url, or bring the local sandbox up with ./scripts/up. Nothing was done."
        raise CommandFailed(message, code="lago_unknown", status=USAGE)
    if key is None:
        path = key_file or connection.state_dir / "secrets" / "lago-api-key"
        try:
            key = path.read_text(encoding="utf-8").strip()
        except OSError:
            message = f"Lago's API key cannot be read from {path}. Nothing was done. Give --lago-key-file."
            raise CommandFailed(message, code="lago_key_missing", status=USAGE) from None
    return Lago(url, key)
