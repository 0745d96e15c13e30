"""``press invariants``, ``findings`` and ``events``: whether all is well, and what happens."""

import time
from typing import Annotated, Any

import typer

from press_app.cli.connection import connect
from press_app.cli.failures import UNREACHABLE, CommandFailed
from press_app.cli.output import Column, Json, format_age, print_json, say, show_list
from press_app.cli.site_lookup import get_site

INVARIANT_COLUMNS: tuple[Column, ...] = (("name", "name"), ("promise", "promise"))
FINDING_COLUMNS: tuple[Column, ...] = (
    ("promise", "invariant"),
    ("subject", "subject"),
    ("what", "message"),
    ("since", lambda row: format_age(row["first_seen_at"])),
    ("resolved", lambda row: format_age(row["resolved_at"])),
)
AGAIN_SECONDS = 1.0


def list_invariants(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the promises that are checked all the time."""
    items = connect(ctx).get("/v1/invariants")["items"]
    show_list(items, INVARIANT_COLUMNS, as_json=as_json, nothing="No promise is checked.")


def list_findings(
    ctx: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those that hold again too.")] = False,
    as_json: Json = False,
) -> None:
    """List what breaks a promise now; exits 1 when there is something."""
    items = connect(ctx).list_all("/v1/findings", only_open=not everything)
    show_list(items, FINDING_COLUMNS, as_json=as_json, nothing="Every promise holds.")
    if any(item["resolved_at"] is None for item in items):
        raise typer.Exit(1)


def follow_events(
    ctx: typer.Context,
    *,
    site: Annotated[str | None, typer.Option(help="Only of this site (name or id).")] = None,
    after: Annotated[
        int | None, typer.Option(help="Start after this id; with --follow else from now.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Print what happened, one line or with --json one document for each event; with --follow as it happens."""
    api = connect(ctx)
    subject = f"site:{get_site(api, site)['id']}" if site else None
    cursor = after if follow or after is not None else 0
    while True:
        try:
            for event in api.stream(subject=subject, after=cursor):
                if event is None and not follow:
                    return
                if event is not None:
                    cursor = event["id"]
                    _print(event, as_json=as_json)
        except CommandFailed as failure:
            if failure.status != UNREACHABLE or not follow:
                raise
        if not follow:
            return
        time.sleep(AGAIN_SECONDS)


def _print(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(event)
    else:
        say(f"{event['at'][:19].replace('T', ' ')}  {event['subject']:<42} {event['message']}")
