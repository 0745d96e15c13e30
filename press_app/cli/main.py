"""Puts the commands together; what they need is imported when they run, so that help is fast."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from press_app.cli import (
    benches,
    billing,
    conformance,
    credentials,
    database,
    jobs,
    programs,
    releases,
    servers,
    site_backups,
    sites,
    tasks,
    teams,
    watchkeeping,
)
from press_app.cli.connection import Connection
from press_app.cli.demo.command import run_demo
from press_app.cli.failures import REFUSED, CommandFailed

app = typer.Typer(
    help="Run and operate the control plane of an ERP cloud.",
    no_args_is_help=True,
    rich_markup_mode=None,
    # A pretty traceback would print local variables, and secrets with them.
    pretty_exceptions_enable=False,
)
for name, group in (
    ("run", programs.app),
    ("db", database.app),
    ("operator", credentials.operators),
    ("token", credentials.tokens),
    ("key", credentials.keys),
    ("task", tasks.app),
    ("server", servers.app),
    ("release", releases.app),
    ("bench", benches.app),
    ("site", sites.app),
    ("backup", site_backups.app),
    ("job", jobs.app),
    ("subscription", billing.subscriptions),
    ("billing", billing.billing),
    ("plan", billing.plans),
    ("team", teams.app),
):
    app.add_typer(group, name=name)
app.command("seed")(database.seed)
app.command("me")(teams.show_me)
app.command("events")(watchkeeping.follow_events)
app.command("invariants")(watchkeeping.list_invariants)
app.command("findings")(watchkeeping.list_findings)
app.command("demo")(run_demo)
app.command("conformance")(conformance.run_conformance)


run = programs.app
"""What a supervisor forks: the programs, without all the other commands."""


@app.callback()
def choose_connection(
    ctx: typer.Context,
    *,
    api_url: Annotated[
        str | None,
        typer.Option(envvar=["PRESS_API_URL", "PRESS_PUBLIC_URL"], help="Where the control plane listens."),
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="PRESS_TOKEN", show_envvar=True, hidden=True)] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="PRESS_TOKEN_FILE", help="File with the API token; else var/secrets/operator-token."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(envvar="PRESS_STATE_DIR", help="Where the local installation keeps its data (./var)."),
    ] = None,
) -> None:
    """Remember which control plane is meant."""
    ctx.obj = Connection(api_url=api_url, token=token, token_file=token_file, state=state)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: exit 0 done, 1 refused or failed, 2 wrong usage, 3 the API cannot be reached."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with telling(given):
        if given[:1] == ["run"]:
            # A program lives long: it must not carry all other commands with it.
            run(given[1:], prog_name="press run")
        else:
            app(given, prog_name="press")


@contextmanager
def telling(given: Sequence[str]) -> Iterator[None]:
    """End the process with a sentence and a status when the block fails in a way that is foreseen."""
    try:
        yield
    except CommandFailed as failure:
        _fail(failure, given)
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter would complain once more while it closes.
        sys.stderr.close()
        sys.exit(REFUSED)
    except Exception as error:
        failure_of_ours = _translate(error)
        if failure_of_ours is None:
            raise
        _fail(failure_of_ours, given)


def _translate(error: Exception) -> CommandFailed | None:
    """The sentence for errors of the control plane's own services, which local commands call."""
    from press_app.errors import PressError

    return CommandFailed(error.message, code=error.code) if isinstance(error, PressError) else None


def _fail(failure: CommandFailed, arguments: Sequence[str]) -> NoReturn:
    if "--json" in arguments:
        sys.stderr.write(json.dumps(failure.describe(), default=str) + "\n")
    else:
        sys.stderr.write(f"press: {failure.message} [{failure.code}]\n")
    sys.exit(failure.status)
