"""``press server``: the hosts and their agents."""

import json
import shlex
import subprocess
import sys
from typing import Annotated, Any

import typer

from press_app.cli.api_client import Api
from press_app.cli.connection import connect
from press_app.cli.failures import USAGE, CommandFailed
from press_app.cli.local import open_runtime
from press_app.cli.output import Column, Json, Row, format_age, print_fields, print_json, show, show_list

app = typer.Typer(help="Hosts and their agents.", no_args_is_help=True)

ENROLL_SECONDS = 60.0
COLUMNS: tuple[Column, ...] = (
    ("name", "name"),
    ("status", "status"),
    ("agent", "url"),
    ("heard", lambda row: "never" if not row["heard_at"] else format_age(row["heard_at"])),
    ("quiet", "is_quiet"),
    ("id", "id"),
)

Name = Annotated[str, typer.Argument(help="Name or id of the server.")]


@app.command("add")
def add_server(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="How operators will call it.")] = "local",
    *,
    local: Annotated[bool, typer.Option("--local", help="The agent of this very host.")] = False,
    agent_command: Annotated[
        str | None,
        typer.Option(
            help="How the agent's enrolment is run; else `press-agent enroll` of this installation."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the host away from another control plane.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a host and enrol its agent; the same again changes nothing."""
    if not local:
        message = (
            "Only the local host is enrolled by one command, with --local. Nothing was added. Elsewhere there are two: "
            "`press server enrolment NAME` prints what `press-agent enroll` reads, `press server accept NAME` reads its answer."
        )
        raise CommandFailed(message, code="remote_enrolment_missing", status=USAGE)
    api = connect(ctx)
    server = _ensure_server(api, name)
    _accept(api, server, _enroll(agent_command, _enrolment_of(api, server), replace=replace), as_json=as_json)


@app.command("enrolment")
def print_enrolment(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="How operators will call it.")],
    *,
    control_plane_url: Annotated[
        str | None, typer.Option(help="Where that agent reaches the control plane; else its public address.")
    ] = None,
) -> None:
    """Print what `press-agent enroll` reads on the host, as JSON; the server is added where it is not there yet.

    It holds no secret. Only on the host of the control plane, whose key is in it.
    """
    api = connect(ctx)
    enrolment = _enrolment_of(api, _ensure_server(api, name))
    if control_plane_url:
        enrolment["control_plane_url"] = control_plane_url
    print_json(enrolment)


@app.command("accept")
def accept_enrolment(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Read from standard input what `press-agent enroll` printed; the same again changes nothing."""
    api = connect(ctx)
    server = get_server(api, name)
    try:
        answer = json.loads(sys.stdin.read())
        _ = answer["url"], answer["public_key"]
    except (ValueError, KeyError, TypeError) as error:
        message = "What came in is not what `press-agent enroll` prints. Nothing was changed."
        raise CommandFailed(message, code="enrolment_failed", status=USAGE) from error
    _accept(api, server, answer, as_json=as_json)


def _ensure_server(api: Api, name: str) -> Row:
    return find_server(api, name) or api.post("/v1/servers", {"name": name})


def _accept(api: Api, server: Row, answer: dict[str, Any], *, as_json: bool) -> None:
    """Store the agent's address and key where they are not stored, and tell."""
    if server.get("url") != answer["url"] or server["status"] == "pending":
        enrolled = {"url": answer["url"], "public_key": answer["public_key"]}
        api.put(f"/v1/servers/{server['id']}/enrolment", enrolled)
    engines = list(answer.get("engines", []))
    show(
        api.get(f"/v1/servers/{server['id']}") | {"engines": engines},
        as_json=as_json,
        sentence=f"{server['name']} is enrolled: its agent listens at {answer['url']} and offers {', '.join(engines)}.",
    )


def _enrolment_of(api: Api, server: Row) -> dict[str, Any]:
    """What the agent reads. The API tells the key when a server is made; later this host's own key is it."""
    key = server.get("control_plane_public_key") or open_runtime().agent_public_key
    return {
        "server_id": server["id"],
        "control_plane_url": server.get("control_plane_url") or api.url,
        "control_plane_public_key": key,
    }


def _enroll(command: str | None, enrolment: dict[str, Any], *, replace: bool) -> dict[str, Any]:
    """Run the agent's enrolment. Raises :class:`CommandFailed` with what it said."""
    argv = shlex.split(command) if command else [sys.executable, "-m", "agent.cli", "enroll"]
    if replace:
        argv.append("--replace")
    try:
        done = subprocess.run(
            argv,
            input=json.dumps(enrolment),
            capture_output=True,
            text=True,
            check=False,
            timeout=ENROLL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"The agent's enrolment could not be run ({error}). The server is added but has no agent; try again."
        raise CommandFailed(message, code="enrolment_failed") from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    if not answer.get("public_key"):
        said = (done.stderr or done.stdout).strip().splitlines()
        message = f"The agent refused the enrolment: {said[-1] if said else 'it said nothing'}"
        raise CommandFailed(message, code="enrolment_failed")
    return answer


def find_server(api: Api, name: str) -> dict[str, Any] | None:
    """By name or id."""
    return next((row for row in api.list_all("/v1/servers") if name in {row["id"], row["name"]}), None)


def get_server(api: Api, name: str) -> dict[str, Any]:
    """Raises :class:`CommandFailed` when there is none."""
    server = find_server(api, name)
    if server is None:
        message = f"There is no server {name}. 'press server list' names them."
        raise CommandFailed(message, code="server_unknown")
    return server


@app.command("list")
def list_servers(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the servers."""
    nothing = "No server yet. Add this host with 'press server add --local'."
    show_list(connect(ctx).list_all("/v1/servers"), COLUMNS, as_json=as_json, nothing=nothing)


@app.command("show")
def show_server(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one server."""
    server = get_server(connect(ctx), name)
    if as_json:
        print_json(server)
    else:
        print_fields(server.items())


def _move(ctx: typer.Context, name: str, event: str, *, as_json: bool) -> None:
    api = connect(ctx)
    server = api.post(f"/v1/servers/{get_server(api, name)['id']}/moves", {"event": event})
    show(server, as_json=as_json, sentence=f"{server['name']} is {server['status']}.")


@app.command("drain")
def drain_server(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Put nothing new on it; what stands there goes on."""
    _move(ctx, name, "drain", as_json=as_json)


@app.command("reopen")
def reopen_server(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Let new benches come again."""
    _move(ctx, name, "reopen", as_json=as_json)


@app.command("retire")
def retire_server(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Give it up; only when nothing stands there."""
    _move(ctx, name, "retire", as_json=as_json)
