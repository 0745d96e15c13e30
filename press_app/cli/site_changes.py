"""``press site``: what a site is made of, and changing that."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from press_app.cli import site_words
from press_app.cli.api_client import Api
from press_app.cli.connection import connect
from press_app.cli.failures import CommandFailed
from press_app.cli.output import Column, Json, note, print_fields, print_json, say, show, show_list
from press_app.cli.site_lookup import SiteRef, get_site
from press_app.cli.watching import watch, watch_job

WAIT_SECONDS = 1800.0
BUSY_SECONDS = 120.0
BUSY_PAUSE_SECONDS = 2.0
SEEN_SECONDS = 60.0
"""For the look from outside, after the host has done its part."""
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is done; shows the steps.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Apps = Annotated[
    list[str], typer.Argument(metavar="APP…", help="Names of apps; 'press site apps' lists them.")
]
COLUMNS: tuple[Column, ...] = (
    ("app", "app"),
    ("is", "state"),
    ("what it is", "description"),
)


def list_apps(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """List the apps of a site, and those that it could have."""
    api = connect(ctx)
    found = api.get(f"/v1/sites/{get_site(api, ref)['id']}/apps")
    if as_json:
        print_json(found)
        return
    rows = [row | {"state": site_words.tell_app(row)} for row in found["apps"]]
    show_list(rows, COLUMNS, as_json=False, nothing="No app.")


def install_apps(
    ctx: typer.Context, ref: SiteRef, names: Apps, *, wait: Wait = True, as_json: Json = False
) -> None:
    """Install apps on a site. It is closed meanwhile; a backup is taken first."""
    api = connect(ctx)
    site = get_site(api, ref)
    wanted = [*site["apps"], *(name for name in names if name not in site["apps"])]
    _change(api, "put", site, "apps", {"apps": wanted}, wait=wait, as_json=as_json)


def remove_apps(
    ctx: typer.Context,
    ref: SiteRef,
    names: Apps,
    *,
    yes: Yes = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Remove apps from a site, with all their data. It is closed meanwhile; a backup is taken first."""
    api = connect(ctx)
    site = get_site(api, ref)
    missing = [name for name in names if name not in site["apps"]]
    if missing:
        message = f"{site['name']} has no {', '.join(missing)}; it has {', '.join(site['apps'])}. Nothing was changed."
        raise CommandFailed(message, code="app_not_there")
    if not yes:
        question = (
            f"Remove {', '.join(names)} from {site['hostname']}? All data of {'it' if len(names) == 1 else 'them'} are lost. "
            "The site is closed meanwhile; a backup is taken first, and can be restored."
        )
        typer.confirm(question, abort=True, err=True)
    wanted = [app for app in site["apps"] if app not in names]
    _change(api, "put", site, "apps", {"apps": wanted}, wait=wait, as_json=as_json)


def rename_site(
    ctx: typer.Context,
    ref: SiteRef,
    name: Annotated[str, typer.Argument(metavar="NEW", help="The new first part of its address.")],
    *,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Give a site another name; the old one leads to it for thirty days."""
    api = connect(ctx)
    _change(api, "post", get_site(api, ref), "rename", {"name": name}, wait=wait, as_json=as_json)


def update_site(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    release: Annotated[str, typer.Option(help="Name or id of the release.")],
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Bring a site to another release: to a running bench of it on its server. Closed meanwhile; a backup is taken first."""
    api = connect(ctx)
    _change(api, "post", get_site(api, ref), "move", {"release": release}, wait=wait, as_json=as_json)


def move_site(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    bench: Annotated[str, typer.Option(help="Id of the bench; 'press bench list' shows them.")],
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Move a site to another bench of its server. Closed meanwhile; a backup is taken first."""
    api = connect(ctx)
    _change(api, "post", get_site(api, ref), "move", {"bench_id": bench}, wait=wait, as_json=as_json)


def copy_site(
    ctx: typer.Context,
    ref: SiteRef,
    name: Annotated[str, typer.Argument(metavar="NEW", help="The first part of the copy's address.")],
    *,
    backup: Annotated[
        str | None, typer.Option(help="A verified backup; without one the present data are copied.")
    ] = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Make another site of the same team with the data of this one; it sends no mail and runs no recurring job."""
    api = connect(ctx)
    site = get_site(api, ref)
    answer = api.post(f"/v1/sites/{site['id']}/copies", {"name": name, "backup_id": backup})
    if not wait:
        show(
            answer,
            as_json=as_json,
            sentence=f"{answer['hostname']} is made from backup {answer['backup_id']}.",
        )
        return
    copy = watch(
        api,
        lambda: api.get(f"/v1/sites/{answer['site_id']}"),
        subject=f"site:{answer['site_id']}",
        until=lambda view: view["status"] in {"active", "broken", "purged"},
        seconds=WAIT_SECONDS,
    )
    if copy["status"] != "active":
        reason = (copy.get("error") or {}).get("message", "no reason was given")
        message = f"{answer['hostname']} is {copy['status']}: {reason}"
        raise CommandFailed(message, code="copy_failed", site_id=copy["id"])
    show(copy, as_json=as_json, sentence=f"{copy['hostname']} is a copy of {site['name']} and answers.")


def set_config(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="true, false, a number or a text.")
    ] = None,
    removed: Annotated[list[str] | None, typer.Option("--unset", metavar="KEY")] = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Show the settings of a site, or change some of them. No secrets: the whole team reads them."""
    api = connect(ctx)
    site = get_site(api, ref)
    config = api.get(f"/v1/sites/{site['id']}/config")["config"]
    if not changes and not removed:
        if as_json:
            print_json(config)
        elif config:
            print_fields(config.items())
        else:
            say("No settings.")
        return
    wanted = {key: value for key, value in config.items() if key not in (removed or [])}
    wanted |= dict(read_setting(text) for text in changes or [])
    _change(api, "put", site, "config", {"config": wanted}, wait=wait, as_json=as_json)


def read_setting(text: str) -> tuple[str, bool | int | str]:
    """``key=value``, where true, false and whole numbers are what they look like; quoted they are texts.

    Raises :class:`CommandFailed`.
    """
    key, sign, value = text.partition("=")
    if not sign or not key:
        message = f"'{text}' is no setting. Nothing was changed. Write KEY=VALUE."
        raise CommandFailed(message, code="setting_invalid")
    if value in {"true", "false"}:
        return key, value == "true"
    if value.removeprefix("-").isdecimal() and value.isascii():
        return key, int(value)
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return key, value[1:-1] if quoted else value


def _change(
    api: Api, method: str, site: dict[str, Any], door: str, body: dict[str, Any], *, wait: bool, as_json: bool
) -> None:
    send = api.put if method == "put" else api.post
    answer = send_patiently(lambda: send(f"/v1/sites/{site['id']}/{door}", body))
    if not wait and answer["job_id"] is not None:
        show(answer, as_json=as_json, sentence=f"{site['name']}: job {answer['job_id']} is on its way.")
        return
    if answer["job_id"] is None:
        site = api.get(f"/v1/sites/{site['id']}")
    else:
        site = follow(api, site["id"], answer["job_id"], quiet=as_json)
    show(site, as_json=as_json, sentence=f"{site['hostname']}: {site['last_change']['message']}")


def send_patiently(send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A backup that the schedule takes is over in a moment: whoever asks for more waits for that."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return send()
        except CommandFailed as failure:
            if failure.code != "busy" or time.monotonic() > deadline:
                raise
            note(f"{failure} Waiting.")
            time.sleep(BUSY_PAUSE_SECONDS)


def follow(api: Api, site_id: str, job_id: str, *, quiet: bool) -> dict[str, Any]:
    """The site, when the change is done and it was seen to answer. Raises :class:`CommandFailed`."""
    watch_job(api, job_id, seconds=WAIT_SECONDS, quiet=quiet)
    return watch(
        api,
        lambda: api.get(f"/v1/sites/{site_id}"),
        subject=f"site:{site_id}",
        until=lambda view: view["status"] != "updating" and view["last_change"]["outcome"] != "running",
        seconds=SEEN_SECONDS,
    )
