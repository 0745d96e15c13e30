"""``press operator``, ``press token``, ``press key``: who may do what, made on this host."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from press_app.cli.failures import USAGE, CommandFailed
from press_app.cli.local import ACTOR, open_runtime
from press_app.cli.output import Json, print_json, say, show

if TYPE_CHECKING:
    from press_app.teams.model import User
    from press_app.work.unit_of_work import UnitOfWork

operators = typer.Typer(help="Operators: people who may see and do everything.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens of programs.", no_args_is_help=True)
keys = typer.Typer(help="The control plane's own keys.", no_args_is_help=True)

SYSTEM_DEFAULTS = {"billing-bridge": ("subscriptions:write",)}
"""Scopes of the platform's own programs where none are named."""

Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read a password from the first line of standard input.")
]
Name = Annotated[str, typer.Option("--name", help="What people call the person; else the address.")]


@operators.command("create")
def create_operator(
    email: Email, *, password_stdin: PasswordStdin = False, name: Name = "", as_json: Json = False
) -> None:
    """Make a new person an operator; refused where the address has an account."""
    from press_app.teams import service as teams

    with open_runtime().work.begin(actor=ACTOR) as uow:
        user = teams.create_user(
            uow, email=email, name=name, password=_read_password(password_stdin), is_operator=True
        )
        _tell(uow, user)
        made = _describe(user)
    show(made, as_json=as_json, sentence=f"{email} is an operator now.")


@operators.command("ensure")
def ensure_operator(
    email: Email, *, password_stdin: PasswordStdin = False, name: Name = "", as_json: Json = False
) -> None:
    """Make sure that this person is an operator and has this password; the same again changes nothing."""
    from press_app.teams import service as teams

    password = _read_password(password_stdin)
    with open_runtime().work.begin(actor=ACTOR) as uow:
        user = teams.ensure_person(uow, email, name)
        if not user.is_operator:
            user.is_operator = True
            _tell(uow, user)
        if password is not None:
            _ensure_password(uow, user, password)
        made = _describe(user)
    show(made, as_json=as_json, sentence=f"{email} is an operator.")


def _ensure_password(uow: "UnitOfWork", user: "User", password: str) -> None:
    from press_app.access import service as access
    from press_app.teams import service as teams
    from press_app.teams.errors import PasswordWrong

    try:
        teams.check_password(uow.session, user.email, password)
    except PasswordWrong:
        teams.set_password(uow, user.id, password)
        access.close_all_sessions(uow, user.id)


def _tell(uow: "UnitOfWork", user: "User") -> None:
    uow.record("operator.added", f"user:{user.id}", f"{user.email} is an operator of the platform now.")


def _describe(user: "User") -> dict[str, Any]:
    return {"id": user.id, "email": user.email, "name": user.name, "is_operator": user.is_operator}


def _read_password(is_wanted: bool) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if is_wanted else None


@tokens.command("create")
def create_token(
    *,
    system: Annotated[
        str | None, typer.Option(help="For a program of the platform, such as billing-bridge.")
    ] = None,
    operator: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="In the name of this operator; may do everything.")
    ] = None,
    team: Annotated[str | None, typer.Option(metavar="ID", help="For a program of this team.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is for; else the name of the system.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; may be repeated.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="For how long; else until revoked.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Revoke older tokens of the same name in the same step.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a token. It is printed once and stored nowhere."""
    from press_app.access import service as access

    label, scopes = _choose(system, operator, team, name, scope)
    runtime = open_runtime()
    actor = _actor_of(runtime.work.read(), operator) if operator else ACTOR
    with runtime.work.begin(actor=actor) as uow:
        revoked = _revoke(uow, team, label) if replace else 0
        lifetime = timedelta(days=days) if days else None
        issued = access.create_token(uow, name=label, scopes=scopes, team_id=team, lifetime=lifetime)
        view = {"id": issued.row.id, "name": label, "scopes": issued.row.scopes, "team_id": team}
    if as_json:
        print_json(view | {"token": issued.secret, "revoked": revoked})
    else:
        say(issued.secret)


def _choose(
    system: str | None, operator: str | None, team: str | None, name: str | None, scope: list[str] | None
) -> tuple[str, list[str]]:
    """Name and scopes of the token to be made."""
    if sum(given is not None for given in (system, operator, team)) != 1:
        message = "Say for whom: one of --system NAME, --operator EMAIL, --team ID. No token was made."
        raise CommandFailed(message, code="usage", status=USAGE)
    default = ("operator",) if operator else SYSTEM_DEFAULTS.get(system or "", ())
    scopes = list(scope or default)
    if not scopes:
        message = "Say what it may do with --scope, once or more. No token was made."
        raise CommandFailed(message, code="usage", status=USAGE)
    return name or system or operator or "team", scopes


def _actor_of(session: Any, email: str) -> str:
    from press_app.teams import service as teams

    with session:
        user = teams.find_user(session, email)
    if user is None or not user.is_operator:
        message = f"{email} is no operator. No token was made. Make one with 'press operator ensure'."
        raise CommandFailed(message, code="operator_unknown")
    return f"user:{user.id}"


def _revoke(uow: "UnitOfWork", team: str | None, name: str) -> int:
    from press_app.access import service as access
    from press_app.kit.db import ReadSession
    from press_app.kit.pagination import PageRequest

    page = access.list_tokens(ReadSession(uow.session), team, PageRequest(limit=200))
    old = [row.id for row in page.items if row.name == name]
    for token_id in old:
        access.revoke_token(uow, token_id, team_id=team)
    return len(old)


@keys.command("show")
def show_key(*, as_json: Json = False) -> None:
    """Print the public key that agents believe; it is made where there is none."""
    public_key = open_runtime().agent_public_key
    show({"public_key": public_key}, as_json=as_json, sentence=public_key.strip())
