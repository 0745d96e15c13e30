"""``press team`` and ``press me``: who is who."""

from typing import Annotated

import typer

from press_app.cli.api_client import Api
from press_app.cli.connection import connect
from press_app.cli.failures import CommandFailed
from press_app.cli.output import Column, Json, format_age, print_fields, print_json, say, show, show_list
from press_app.cli.site_lookup import is_id

app = typer.Typer(help="Teams and their members.", no_args_is_help=True)

TEAM_COLUMNS: tuple[Column, ...] = (
    ("name", "name"),
    ("customer in Lago", "customer_ref"),
    ("made", lambda row: format_age(row["created_at"])),
    ("id", "id"),
)
MEMBER_COLUMNS: tuple[Column, ...] = (
    ("name", "name"),
    ("address", "email"),
    ("role", "role"),
    ("since", lambda row: format_age(row["since"])),
    ("id", "user_id"),
)

KEY_COLUMNS: tuple[Column, ...] = (
    ("version", "version"),
    ("made", lambda row: format_age(row["created_at"])),
    ("by", "created_by"),
    ("id", "id"),
)

Id = Annotated[str, typer.Argument(metavar="TEAM", help="Name or id of the team.")]


def get_team_id(api: Api, ref: str) -> str:
    """Id of the one team that ``ref`` means. Raises :class:`CommandFailed` for none and for several."""
    if is_id(ref):
        return ref
    found = [team["id"] for team in api.list_all("/v1/teams") if ref in {team["name"], team["customer_ref"]}]
    if not found:
        message = f"There is no team {ref}. Nothing was done. 'press team list' names them."
        raise CommandFailed(message, code="team_unknown")
    if len(found) > 1:
        message = (
            f"Several teams are called {ref}: {', '.join(found)}. Nothing was done. Say which by its id."
        )
        raise CommandFailed(message, code="team_ambiguous")
    return str(found[0])


@app.command("list")
def list_teams(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the teams."""
    show_list(connect(ctx).list_all("/v1/teams"), TEAM_COLUMNS, as_json=as_json, nothing="No team.")


@app.command("show")
def show_team(ctx: typer.Context, team_id: Id, *, as_json: Json = False) -> None:
    """Show a team with its members."""
    api = connect(ctx)
    team_id = get_team_id(api, team_id)
    team = api.get(f"/v1/teams/{team_id}")
    members = api.list_all(f"/v1/teams/{team_id}/members")
    if as_json:
        print_json(team | {"members": members})
        return
    print_fields(team.items())
    say("")
    show_list(members, MEMBER_COLUMNS, as_json=False, nothing="Nobody is in it.")


@app.command("add-member")
def add_member(
    ctx: typer.Context,
    team_id: Id,
    email: Annotated[str, typer.Argument(help="Address; a new one gets an account without password.")],
    *,
    role: Annotated[str, typer.Option(help="owner, admin, developer, billing or viewer.")] = "viewer",
    as_json: Json = False,
) -> None:
    """Add a person to a team."""
    api = connect(ctx)
    member = api.post(f"/v1/teams/{get_team_id(api, team_id)}/members", {"email": email, "role": role})
    show(member, as_json=as_json, sentence=f"{email} is in the team as {role}.")


@app.command("remove-member")
def remove_member(
    ctx: typer.Context,
    team_id: Id,
    user_id: Annotated[str, typer.Argument(help="Id of the person.")],
    *,
    as_json: Json = False,
) -> None:
    """Take a person out of a team."""
    api = connect(ctx)
    api.delete(f"/v1/teams/{get_team_id(api, team_id)}/members/{user_id}")
    show({"removed": user_id}, as_json=as_json, sentence="The person is not in the team any more.")


@app.command("backup-keys")
def list_backup_keys(ctx: typer.Context, team_id: Id, *, as_json: Json = False) -> None:
    """List the versions of the key that the team's backups are encrypted with, the newest first."""
    api = connect(ctx)
    items = api.list_all(f"/v1/teams/{get_team_id(api, team_id)}/backup-keys")
    show_list(items, KEY_COLUMNS, as_json=as_json, nothing="None yet; the first backup makes one.")


@app.command("rotate-backup-key")
def rotate_backup_key(ctx: typer.Context, team_id: Id, *, as_json: Json = False) -> None:
    """Encrypt new backups with a newer key; those of before stay readable."""
    api = connect(ctx)
    key = api.post(f"/v1/teams/{get_team_id(api, team_id)}/backup-keys")
    show(
        key, as_json=as_json, sentence=f"New backups are encrypted with version {key['version']} of the key."
    )


def show_me(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Say whose token this is, and what it may do."""
    me = connect(ctx).get("/v1/me")
    if as_json:
        print_json(me)
        return
    print_fields((name, value) for name, value in me.items() if name != "teams")
    for team in me["teams"]:
        say(f"{team['name']} ({team['role']}): {', '.join(team['allows'])}")
