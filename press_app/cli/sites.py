"""``press site``: reading sites and changing what they should be."""

from typing import Annotated, Any

import typer

from press_app.cli import site_backups, site_changes, site_words
from press_app.cli.api_client import Api
from press_app.cli.connection import connect
from press_app.cli.failures import CommandFailed
from press_app.cli.output import (
    Column,
    Json,
    format_age,
    format_bytes,
    print_fields,
    print_json,
    say,
    show,
    show_list,
)
from press_app.cli.site_lookup import SiteRef, get_site
from press_app.cli.teams import get_team_id
from press_app.cli.watching import watch, watch_job

app = typer.Typer(help="Sites: the tenants' ERPs.", no_args_is_help=True)

DEFAULT_WAIT = 120.0
LOGIN_SECONDS = 60.0
COLUMNS: tuple[Column, ...] = (
    ("name", "name"),
    ("status", "status"),
    ("wanted", "wanted"),
    ("holds", lambda row: ", ".join(hold["kind"] for hold in row["holds"])),
    ("address", "url"),
    ("size", lambda row: format_bytes(row["size_bytes"])),
    ("since", lambda row: format_age(row["status_since"])),
    ("id", "id"),
)

Seconds = Annotated[float, typer.Option("--timeout", min=0, help="Give up waiting after so many seconds.")]


@app.command("list")
def list_sites(
    ctx: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="Only sites in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 1000,
    as_json: Json = False,
) -> None:
    """List sites, newest first."""
    items = connect(ctx).list_all("/v1/sites", limit=limit, status=status)
    show_list(items, COLUMNS, as_json=as_json, nothing="No site.")


@app.command("create")
def create_site(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The first part of its hostname.")],
    *,
    team: Annotated[str, typer.Option(help="Whose site it is: name or id of the team.")],
    company: Annotated[str, typer.Option(help="Name of the company in the ERP.")],
    email: Annotated[str, typer.Option(help="Address of the owner's account in the ERP.")],
    app_name: Annotated[list[str] | None, typer.Option("--app", help="An app; may be repeated.")] = None,
    country: Annotated[
        str | None, typer.Option(help="Where the company is: DE. Else the platform's own.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Its currency: EUR.")] = None,
    language: Annotated[str | None, typer.Option(help="Of its people: de, or pt-BR.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA's name of it: Europe/Berlin.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it answers through the edge.")] = False,
    timeout: Seconds = DEFAULT_WAIT,
    as_json: Json = False,
) -> None:
    """Order a site for a team."""
    api = connect(ctx)
    body = {
        "team_id": get_team_id(api, team),
        "name": name,
        "company": company,
        "admin_email": email,
        "apps": app_name or ["base"],
        "locale": {
            "country": country,
            "currency": currency,
            "language": language,
            "time_zone": time_zone,
        },
    }
    site = api.post("/v1/sites", body)
    if wait:
        site = wait_for_status(api, site["id"], "active", timeout)
    show(site, as_json=as_json, sentence=f"{site['hostname']} is {site['status']}.")


@app.command("show")
def show_site(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """Show one site."""
    site = get_site(connect(ctx), ref)
    if as_json:
        print_json(site)
    else:
        holds = [f"{hold['kind']}: {hold['message']}" for hold in site["holds"]]
        print_fields((site | {"holds": "; ".join(holds), "size": format_bytes(site["size_bytes"])}).items())


@app.command("explain")
def explain_site(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    lines: Annotated[int, typer.Option(min=1, max=200, help="How much of its past to show.")] = 15,
    as_json: Json = False,
) -> None:
    """Say why a site is as it is, and what happens next."""
    api = connect(ctx)
    site = get_site(api, ref)
    timeline = api.get(f"/v1/sites/{site['id']}/timeline", limit=lines)["items"]
    said = site_words.explain(site)
    if as_json:
        print_json({"site": site, "explanation": said, "timeline": timeline})
        return
    for sentence in said:
        say(sentence)
    say("")
    for entry in timeline:
        say(f"  {entry['at'][:19].replace('T', ' ')}  {entry['message']}  ({entry['actor']})")


@app.command("wait")
def wait_site(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    status: Annotated[str, typer.Option(help="Until it is in this state.")] = "active",
    timeout: Seconds = DEFAULT_WAIT,
    as_json: Json = False,
) -> None:
    """Wait until a site is in a state; exits 1 when it is not in time, or broken."""
    api = connect(ctx)
    site = wait_for_status(api, get_site(api, ref)["id"], status, timeout)
    show(site, as_json=as_json, sentence=f"{site['name']} is {site['status']}.")


def wait_for_status(api: Api, site_id: str, status: str, seconds: float) -> dict[str, Any]:
    """The site, once it is there. Raises :class:`CommandFailed` when it breaks or takes too long."""
    site = watch(
        api,
        lambda: api.get(f"/v1/sites/{site_id}"),
        subject=f"site:{site_id}",
        until=lambda view: view["status"] in {status, "broken"},
        seconds=seconds,
    )
    if site["status"] != status:
        reason = (site.get("error") or {}).get("message", "no reason was given")
        message = f"{site['name']} is broken: {reason}"
        raise CommandFailed(message, code="site_broken", site_id=site_id)
    return site


@app.command("archive")
def archive_site(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Back it up, prove the backup, and remove it from its host; can be undone for some time."""
    if not yes:
        site = get_site(connect(ctx), ref)
        question = (
            f"Close {site['hostname']} for its users and archive it? Its backup stays, and it can be undone."
        )
        typer.confirm(question, abort=True, err=True)
    _post(ctx, ref, "archive", as_json=as_json)


@app.command("undo")
def undo_archive(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """Bring an archived site back from its backup."""
    _post(ctx, ref, "undo-archive", as_json=as_json)


@app.command("retry")
def retry_site(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """Try again what broke."""
    _post(ctx, ref, "retry", as_json=as_json)


def _post(ctx: typer.Context, ref: str, action: str, *, as_json: bool) -> None:
    api = connect(ctx)
    site = api.post(f"/v1/sites/{get_site(api, ref)['id']}/{action}")
    show(site, as_json=as_json, sentence=_sentence(site))


def _sentence(site: dict[str, Any]) -> str:
    return f"{site['name']} is {site['status']} and should be {site['wanted']}. {site_words.tell_next(site)}"


@app.command("hold")
def hold_site(
    ctx: typer.Context,
    ref: SiteRef,
    message: Annotated[str, typer.Argument(help="Why; its users will read it.")],
    *,
    kind: Annotated[str, typer.Option(help="operator, security, quota or billing.")] = "operator",
    as_json: Json = False,
) -> None:
    """Suspend a site for a reason that its users will read."""
    api = connect(ctx)
    site = api.put(f"/v1/sites/{get_site(api, ref)['id']}/holds", {"kind": kind, "message": message})
    show(site, as_json=as_json, sentence=_sentence(site))


@app.command("unhold")
def unhold_site(
    ctx: typer.Context,
    ref: SiteRef,
    *,
    kind: Annotated[str, typer.Option(help="Which hold to lift.")] = "operator",
    as_json: Json = False,
) -> None:
    """Lift one hold; the site runs again when no other stands."""
    api = connect(ctx)
    site = api.delete(f"/v1/sites/{get_site(api, ref)['id']}/holds/{kind}")
    show(site, as_json=as_json, sentence=_sentence(site))


@app.command("login", hidden=True)
@app.command("login-link")
def login_link(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """Make a link that logs in once, as the owner of the site."""
    api = connect(ctx)
    link = make_login_link(api, get_site(api, ref)["id"])
    show(link, as_json=as_json, sentence=str(link["url"]))


def make_login_link(api: Api, site_id: str) -> dict[str, Any]:
    """A login link that works now. Raises :class:`CommandFailed` when the bench did not take it."""
    asked = api.post(f"/v1/sites/{site_id}/login-links")
    link = watch(
        api,
        lambda: api.get(f"/v1/sites/{site_id}/login-links/{asked['id']}"),
        subject=f"site:{site_id}",
        until=lambda view: bool(view["url"] or view["error"]),
        seconds=LOGIN_SECONDS,
    )
    if link["error"]:
        raise CommandFailed(str(link["error"]), code="login_link_failed")
    return link


@app.command("password")
def set_password(ctx: typer.Context, ref: SiteRef, *, as_json: Json = False) -> None:
    """Give the owner a new random password, and print it this once."""
    api = connect(ctx)
    answer = api.post(f"/v1/sites/{get_site(api, ref)['id']}/password", {})
    watch_job(api, answer["job_id"], seconds=LOGIN_SECONDS, quiet=True)
    show(answer, as_json=as_json, sentence=f"{answer['login']}  {answer['password']}")


app.command("backup")(site_backups.take_backup)
app.command("restore")(site_backups.restore_backup)
app.command("apps")(site_changes.list_apps)
app.command("install-app")(site_changes.install_apps)
app.command("remove-app")(site_changes.remove_apps)
app.command("rename")(site_changes.rename_site)
app.command("update")(site_changes.update_site)
app.command("move")(site_changes.move_site)
app.command("copy")(site_changes.copy_site)
app.command("config")(site_changes.set_config)
