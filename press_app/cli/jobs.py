"""``press job``: work done by agents."""

from typing import Annotated

import typer

from press_app.cli.connection import connect
from press_app.cli.output import Column, Json, format_age, print_json, say, show_list
from press_app.cli.site_lookup import get_site
from press_app.cli.watching import draw_job, watch_job

app = typer.Typer(help="Work done by agents.", no_args_is_help=True)

COLUMNS: tuple[Column, ...] = (
    ("id", "id"),
    ("status", "status"),
    ("operation", "operation"),
    ("purpose", "purpose"),
    ("asked", lambda row: format_age(row["created_at"])),
    ("error", lambda row: (row["error"] or {}).get("code")),
)

Id = Annotated[str, typer.Argument(help="Id of the job.")]


@app.command("list")
def list_jobs(
    ctx: typer.Context,
    *,
    site: Annotated[str | None, typer.Option(help="Only of this site (name or id).")] = None,
    bench: Annotated[str | None, typer.Option(metavar="ID", help="Only of this bench.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    api = connect(ctx)
    target = f"site:{get_site(api, site)['id']}" if site else f"bench:{bench}" if bench else None
    show_list(
        api.list_all("/v1/jobs", limit=limit, target=target), COLUMNS, as_json=as_json, nothing="No job."
    )


@app.command("show")
def show_job(ctx: typer.Context, job_id: Id, *, as_json: Json = False) -> None:
    """Show a job with its steps."""
    job = connect(ctx).get(f"/v1/jobs/{job_id}")
    if as_json:
        print_json(job)
        return
    say(draw_job(job))
    if job["error"]:
        say(f"{job['error'].get('code')}: {job['error'].get('message')}")


@app.command("watch")
def watch_to_the_end(
    ctx: typer.Context,
    job_id: Id,
    *,
    timeout: Annotated[float, typer.Option(min=0, help="Give up watching after so many seconds.")] = 1800.0,
    as_json: Json = False,
) -> None:
    """Follow a job to its end; exits 1 when it failed."""
    job = watch_job(connect(ctx), job_id, seconds=timeout, quiet=as_json)
    if as_json:
        print_json(job)
    else:
        say(f"{job['purpose']}: {job['status']}.")
