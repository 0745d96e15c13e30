"""``press backup``, and the backups of ``press site``."""

from typing import Annotated, Any

import typer

from press_app.cli.api_client import Api
from press_app.cli.connection import connect
from press_app.cli.failures import CommandFailed
from press_app.cli.output import Column, Json, format_age, format_bytes, show, show_list
from press_app.cli.site_lookup import SiteRef, get_site
from press_app.cli.watching import watch, watch_job

app = typer.Typer(help="Saved copies of sites.", no_args_is_help=True)

WAIT_SECONDS = 1800.0
COLUMNS: tuple[Column, ...] = (
    ("id", "id"),
    ("status", "status"),
    ("kind", "kind"),
    ("size", lambda row: format_bytes(row["size_bytes"])),
    ("taken", lambda row: format_age(row["taken_at"])),
    ("verified", lambda row: format_age(row["verified_at"])),
    ("error", "error"),
)

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is done.")]


@app.command("list")
def list_backups(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """List the backups of a site, newest first."""
    api = connect(ctx)
    items = api.list_all(f"/v1/sites/{get_site(api, ref)['id']}/backups")
    show_list(items, COLUMNS, as_json=as_json, nothing="No backup yet. Take one with 'press site backup'.")


def take_backup(ctx: typer.Context, ref: SiteRef, *, wait: Wait = True, as_json: Json = False) -> None:
    """Back a site up now, while it serves; the copy is read back before it counts."""
    api = connect(ctx)
    site = get_site(api, ref)
    backup = api.post(f"/v1/sites/{site['id']}/backups")
    if wait:
        backup_id = backup["id"]
        backup = watch(
            api,
            lambda: _read_backup(api, site["id"], backup_id),
            subject=f"site:{site['id']}",
            until=lambda view: bool(view["verified_at"] or view["error"]),
            seconds=WAIT_SECONDS,
        )
    if backup["error"]:
        raise CommandFailed(str(backup["error"]), code="backup_failed", backup_id=backup["id"])
    sentence = f"Backup {backup['id']} is {backup['status']} ({format_bytes(backup['size_bytes'])})."
    show(backup, as_json=as_json, sentence=sentence)


def _read_backup(api: Api, site_id: str, backup_id: str) -> dict[str, Any]:
    return next(row for row in api.list_all(f"/v1/sites/{site_id}/backups") if row["id"] == backup_id)


def restore_backup(
    ctx: typer.Context,
    ref: SiteRef,
    backup_id: Annotated[str, typer.Argument(help="Which backup; see 'press backup list'.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Put the data of a backup into the site; what was written since then is lost."""
    api = connect(ctx)
    site = get_site(api, ref)
    if not yes:
        typer.confirm(
            f"Replace the data of {site['name']}? What was written since the backup is lost.",
            abort=True,
            err=True,
        )
    answer = api.post(f"/v1/sites/{site['id']}/restores", {"backup_id": backup_id})
    if wait:
        answer = watch_job(api, answer["job_id"], seconds=WAIT_SECONDS, quiet=as_json)
    show(answer, as_json=as_json, sentence=f"{site['name']} holds the data of backup {backup_id}.")
