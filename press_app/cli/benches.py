"""``press bench``: running deployments of releases."""

from typing import Annotated, Any

import typer

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
from press_app.cli.servers import get_server
from press_app.cli.watching import watch, watch_job

app = typer.Typer(help="Running deployments of releases; each serves many sites.", no_args_is_help=True)

WAIT_SECONDS = 1500.0
GIVEN_UP = frozenset({"retiring", "retired"})
COLUMNS: tuple[Column, ...] = (
    ("id", "id"),
    ("status", "status"),
    ("release", "release"),
    ("sites", lambda row: f"{row['site_count']} of {row['max_sites']}"),
    ("memory", lambda row: format_bytes(row["memory_bytes"])),
    ("address", "url"),
    ("made", lambda row: format_age(row["created_at"])),
)

SPARE_COLUMNS: tuple[Column, ...] = (
    ("apps", lambda row: "+".join(row["apps"])),
    ("status", "status"),
    ("since", lambda row: format_age(row["status_since"])),
    ("bench", "bench_id"),
    ("id", "id"),
)

Id = Annotated[str, typer.Argument(help="Id of the bench.")]


@app.command("deploy")
def deploy_bench(
    ctx: typer.Context,
    *,
    release: Annotated[str | None, typer.Option(help="Name or id of the release; else the newest.")] = None,
    server: Annotated[str | None, typer.Option(help="Name or id of the server; else the emptiest.")] = None,
    memory_mb: Annotated[int, typer.Option(min=256, help="Memory that it may use, in MB.")] = 2048,
    max_sites: Annotated[int, typer.Option(min=1, max=10_000, help="How many sites it takes.")] = 200,
    another: Annotated[
        bool, typer.Option("--another", help="Deploy one more where such a bench is there already.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it runs; shows the steps.")] = False,
    as_json: Json = False,
) -> None:
    """Deploy a bench of a release; one that is there is kept, and a broken one is tried again."""
    api = connect(ctx)
    chosen = _choose_release(api, release)
    server_id = get_server(api, server)["id"] if server else None
    bench = None if another else _find_bench(api, chosen["id"], server_id)
    if bench is None:
        body = {
            "release": chosen["id"],
            "server_id": server_id,
            "memory_bytes": memory_mb * 1024**2,
            "max_sites": max_sites,
        }
        bench = api.post("/v1/benches", body)
    elif bench["status"] in {"broken", "draft"}:
        bench = api.post(f"/v1/benches/{bench['id']}/moves", {"event": "deploy"})
    if wait:
        bench = _wait_until_running(api, bench, quiet=as_json)
    show(bench, as_json=as_json, sentence=f"Bench {bench['id']} of {chosen['name']} is {bench['status']}.")


def _choose_release(api: Api, name: str | None) -> dict[str, Any]:
    releases = api.list_all("/v1/releases")
    wanted = [row for row in releases if name is None or name in {row["id"], row["name"]}]
    if not wanted:
        message = f"There is no release{f' {name}' if name else ' yet'}. Add it with 'press release add'."
        raise CommandFailed(message, code="release_unknown")
    return max(wanted, key=lambda row: str(row["created_at"]))


def _find_bench(api: Api, release_id: str, server_id: str | None) -> dict[str, Any] | None:
    for bench in api.list_all("/v1/benches"):
        is_here = server_id is None or bench["server_id"] == server_id
        if is_here and bench["release_id"] == release_id and bench["status"] not in GIVEN_UP:
            return bench
    return None


def _wait_until_running(api: Api, bench: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    if bench["job_id"]:
        watch_job(api, bench["job_id"], seconds=WAIT_SECONDS, quiet=quiet)
    bench_id = bench["id"]
    bench = watch(
        api,
        lambda: api.get(f"/v1/benches/{bench_id}"),
        subject=f"bench:{bench_id}",
        until=lambda view: view["status"] != "deploying",
        seconds=60.0,
    )
    if bench["status"] != "running":
        reason = (bench.get("error") or {}).get("message", "no reason was given")
        message = f"The bench is {bench['status']}: {reason}"
        raise CommandFailed(message, code="bench_not_running", bench_id=bench["id"])
    return bench


@app.command("list")
def list_benches(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the benches."""
    api = connect(ctx)
    items = api.list_all("/v1/benches")
    if not as_json:
        names = {release["id"]: release["name"] for release in api.list_all("/v1/releases")}
        items = [bench | {"release": names.get(bench["release_id"])} for bench in items]
    show_list(items, COLUMNS, as_json=as_json, nothing="No bench yet. Deploy one with 'press bench deploy'.")


@app.command("show")
def show_bench(ctx: typer.Context, bench_id: Id, *, as_json: Json = False) -> None:
    """Show one bench."""
    bench = connect(ctx).get(f"/v1/benches/{bench_id}")
    if as_json:
        print_json(bench)
    else:
        print_fields(bench.items())


@app.command("log")
def read_log(ctx: typer.Context, bench_id: Id, *, as_json: Json = False) -> None:
    """Print the end of what a bench printed, as its host has it now."""
    found = connect(ctx).get(f"/v1/benches/{bench_id}/log")
    if as_json:
        print_json(found)
    else:
        say(found["text"].rstrip() or "It printed nothing.")


@app.command("stats")
def read_stats(ctx: typer.Context, bench_id: Id, *, as_json: Json = False) -> None:
    """Say what a bench takes of its host at this moment."""
    found = connect(ctx).get(f"/v1/benches/{bench_id}/stats")
    if as_json:
        print_json(found)
        return
    limit = format_bytes(found["memory_limit_bytes"])
    say(
        f"It is {found['status']}: {format_bytes(found['memory_bytes'])} of {limit}, {found['processes']} processes, "
        f"{found['processor_seconds']:.0f} s of processor time since its start."
    )


@app.command("spares")
def list_spares(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the sites that stand ready for the next orders, and those that were taken within the hour."""
    items = connect(ctx).list_all("/v1/spares")
    show_list(
        items, SPARE_COLUMNS, as_json=as_json, nothing="No site is made ahead; PRESS_SPARES_MAX may be 0."
    )


def _move(ctx: typer.Context, bench_id: str, event: str, *, as_json: bool) -> None:
    bench = connect(ctx).post(f"/v1/benches/{bench_id}/moves", {"event": event})
    show(bench, as_json=as_json, sentence=f"The bench is {bench['status']}.")


@app.command("drain")
def drain_bench(ctx: typer.Context, bench_id: Id, *, as_json: Json = False) -> None:
    """Take no new sites; those that are there go on."""
    _move(ctx, bench_id, "drain", as_json=as_json)


@app.command("reopen")
def reopen_bench(ctx: typer.Context, bench_id: Id, *, as_json: Json = False) -> None:
    """Take new sites again."""
    _move(ctx, bench_id, "reopen", as_json=as_json)


@app.command("retire")
def retire_bench(ctx: typer.Context, bench_id: Id, *, as_json: Json = False) -> None:
    """Stop it and remove its programs; refused while sites are on it."""
    _move(ctx, bench_id, "retire", as_json=as_json)
