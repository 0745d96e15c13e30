"""``press backup``, and the backups of ``press site``."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from press_app.cli.api_client import Api
from press_app.cli.connection import connect
from press_app.cli.failures import CommandFailed
from press_app.cli.output import Column, Json, format_age, format_bytes, print_json, say, show, show_list
from press_app.cli.site_lookup import SiteRef, get_site
from press_app.cli.watching import watch, watch_job

app = typer.Typer(help="Saved copies of sites.", no_args_is_help=True)

WAIT_SECONDS = 1800.0


def tell_end(row: Mapping[str, Any]) -> str:
    """Why it failed or is gone, or what keeps it."""
    if row["deleted_at"]:
        return f"deleted {format_age(row['deleted_at'])}: {row['deleted_why']}"
    if row["locked_until"]:
        return f"over, but locked: {format_age(row['locked_until'])}"
    return str(row["error"] or "")


COLUMNS: tuple[Column, ...] = (
    ("id", "id"),
    ("status", "status"),
    ("kind", "kind"),
    ("size", lambda row: format_bytes(row["size_bytes"])),
    ("taken", lambda row: format_age(row["taken_at"])),
    ("verified", lambda row: format_age(row["verified_at"])),
    ("said", tell_end),
)

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is done.")]


@app.command("list")
def list_backups(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were deleted, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the backups of a site, newest first."""
    api = connect(ctx)
    found = api.list_all(f"/v1/sites/{get_site(api, ref)['id']}/backups")
    items = [row for row in found if every or row["status"] != "deleted"]
    show_list(items, COLUMNS, as_json=as_json, nothing="No backup yet. Take one with 'press site backup'.")


@app.command("policy")
def show_policy(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Say how often sites are backed up by themselves, and what is kept of that."""
    policy = connect(ctx).get("/v1/backup-policy")
    if as_json:
        print_json(policy)
        return
    for sentence in tell_policy(policy):
        say(sentence)


def tell_policy(policy: dict[str, Any]) -> list[str]:
    """The rules in words."""
    minutes = policy["interval_minutes"]
    if not minutes:
        return ["Sites are not backed up by themselves (PRESS_BACKUP_INTERVAL_MINUTES=0)."]
    taken = (
        f"Each site is backed up every {minutes} minutes, {policy['jobs_per_server']} of a host at a time; each backup is encrypted, "
        "read back and compared."
    )
    kept = (
        f"Of these, the newest of the last {policy['keep_hourly']} hours, {policy['keep_daily']} days, {policy['keep_weekly']} weeks and "
        f"{policy['keep_monthly']} months are kept."
    )
    others = (
        f"Others are kept for {policy['keep_manual_days']} days when somebody asked for them, for {policy['keep_change_days']} days when "
        "they were taken before a change; the one that stands for an archived site stays with it."
    )
    return [taken, kept, others, "What a lock of the store keeps is deleted when the lock ends."]


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
