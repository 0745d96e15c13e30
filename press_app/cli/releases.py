"""``press release``: pinned sets of app versions."""

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from press_app.cli.connection import connect
from press_app.cli.failures import USAGE, CommandFailed
from press_app.cli.output import Column, Json, format_age, show, show_list

app = typer.Typer(help="Pinned sets of app versions of an engine.", no_args_is_help=True)

COMMIT = re.compile(r"[0-9a-f]{40}")
COLUMNS: tuple[Column, ...] = (
    ("name", "name"),
    ("engine", "engine"),
    ("version", "engine_version"),
    ("app sets", lambda row: " | ".join("+".join(apps) for apps in row["app_sets"])),
    ("added", lambda row: format_age(row["created_at"])),
    ("id", "id"),
)


@dataclass(frozen=True)
class Usual:
    """What a release of an engine is made of when nothing else is said."""

    version: str
    app_sets: tuple[tuple[str, ...], ...]


USUAL = {
    "tryton": Usual("8.0.12", (("base",), ("base", "crm", "hr"))),
    "frappe": Usual("15", (("base",),)),
    "fake": Usual("1.0", (("base",), ("base", "crm", "hr"))),
}
"""The engines of this version of the product, with the versions that its images pin."""


@app.command("add")
def add_release(
    ctx: typer.Context,
    *,
    engine: Annotated[str, typer.Option(help="Which ERP: tryton or frappe.")],
    version: Annotated[str | None, typer.Option(help="The engine's version; else the pinned one.")] = None,
    name: Annotated[str | None, typer.Option(help="How operators call it; else ENGINE-VERSION.")] = None,
    apps: Annotated[
        list[str] | None,
        typer.Option(help="Apps that sites may have together, joined by commas; may be repeated."),
    ] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--app",
            metavar="APP=URL@COMMIT",
            help="Code of an app in a git repository; may be repeated, the engine's own first.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE", help="What its images are built on: debian:trixie-slim; else the agent's own."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a release; the same one again is given back."""
    usual = USUAL.get(engine)
    wanted_version = version or (usual.version if usual else None)
    sets = (
        [part.split(",") for part in apps]
        if apps
        else [list(part) for part in usual.app_sets]
        if usual
        else []
    )
    if wanted_version is None or not sets:
        message = f"Nothing is pinned for {engine}: say --version and --apps. Nothing was added."
        raise CommandFailed(message, code="usage", status=USAGE)
    body = {
        "name": name or f"{engine}-{wanted_version}",
        "engine": engine,
        "engine_version": wanted_version,
        "app_sets": sets,
        "sources": [read_source(text) for text in sources or ()],
        "base": base,
    }
    release = connect(ctx).post("/v1/releases", body)
    show(release, as_json=as_json, sentence=f"Release {release['name']} is there.")


def read_source(text: str) -> dict[str, str]:
    """Read ``app=url@commit``. Raises :class:`CommandFailed`."""
    name, _, rest = text.partition("=")
    url, _, commit = rest.rpartition("@")
    if not (name and url and COMMIT.fullmatch(commit)):
        message = f"{text!r} is no source: write APP=URL@COMMIT with all 40 digits of the commit. Nothing was added."
        raise CommandFailed(message, code="usage", status=USAGE)
    return {"app": name, "url": url, "commit": commit}


@app.command("list")
def list_releases(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the releases."""
    items = connect(ctx).list_all("/v1/releases")
    show_list(items, COLUMNS, as_json=as_json, nothing="No release yet. Add one with 'press release add'.")
