"""``press db`` and ``press seed``: the schema, and what the product starts with."""

import typer

from press_app.cli.failures import CommandFailed
from press_app.cli.local import ACTOR, ensure_folder, load_settings, open_runtime
from press_app.cli.output import Json, show

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.command("upgrade")
def upgrade(*, as_json: Json = False) -> None:
    """Bring the schema to the newest revision; changes nothing when it is there already."""
    from press_app.kit.db import open_database
    from press_app.migrations import runner

    settings = load_settings()
    ensure_folder(settings)
    database = open_database(settings.database_url)
    try:
        before, after = runner.upgrade(database)
    finally:
        database.dispose()
    sentence = f"The schema is at revision {after}." + ("" if before == after else f" It was at {before}.")
    show({"before": before, "after": after, "changed": before != after}, as_json=as_json, sentence=sentence)


@app.command("status")
def status(*, as_json: Json = False) -> None:
    """Say whether the schema is the newest; exits 1 when it is not."""
    from press_app.kit.db import open_database
    from press_app.migrations import runner

    database = open_database(load_settings().database_url)
    try:
        is_current = runner.is_current(database)
    finally:
        database.dispose()
    if not is_current:
        message = "The schema is not the newest. Run 'press db upgrade'."
        raise CommandFailed(message, code="schema_outdated", current=False)
    show({"current": True}, as_json=as_json, sentence="The schema is the newest.")


def seed(*, as_json: Json = False) -> None:
    """Add the product's plans where they are missing; what an operator changed stays."""
    from press_app.plans import service as plans

    runtime = open_runtime()
    with runtime.work.begin(actor=ACTOR) as uow:
        added = [plan.code for plan in plans.seed(uow)]
    sentence = f"Added the plans {', '.join(added)}." if added else "All plans are there already."
    show({"added": added}, as_json=as_json, sentence=sentence)
