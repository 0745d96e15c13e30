"""``press run``: the programs of the control plane, in the foreground."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from press_app.cli.local import load_settings

if TYPE_CHECKING:
    from press_app.config import Settings

app = typer.Typer(help="Run one of the control plane's programs in the foreground.", no_args_is_help=True)

STOP_SECONDS = 5


@app.command("api")
def run_api() -> None:
    """Serve the HTTP API."""
    import uvicorn

    from press_app.api.app import create_app
    from press_app.api.server import QuietServer
    from press_app.bootstrap import bootstrap

    settings = _prepare()
    runtime = bootstrap(settings)
    try:
        QuietServer(
            uvicorn.Config(
                create_app(runtime, redis_url=settings.redis_url),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                # httptools, which would be taken by itself, has no limit for the head of a request.
                http="h11",
                server_header=False,
                # Who asks is what limits are counted by, so a header may say it only where a known proxy wrote it.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                # Open event streams would otherwise hold a stop back for minutes.
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        ).run()
    finally:
        runtime.database.dispose()


@app.command("worker")
def run_worker(
    queues: Annotated[
        list[str] | None,
        typer.Option(
            "--queue", help="Listen to these only, in this order; else to all, the urgent one first."
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            help="Listen to this one in a thread beside, too, so that it never waits for what the others hold."
        ),
    ] = None,
    *,
    tick: Annotated[
        bool,
        typer.Option(
            "--tick",
            help="Make scheduled work due, too, and ring again for what nobody heard; one worker must, several may.",
        ),
    ] = False,
) -> None:
    """Do the promised work; start as many as the machine has cores for, each with urgent work beside."""
    from press_app.bootstrap import bootstrap
    from press_app.work.bell import QUEUES
    from press_app.work.ticker import Ticker
    from press_app.work.worker import work_forever

    unknown = sorted({*(queues or ()), *(beside or ())} - set(QUEUES))
    if unknown:
        raise typer.BadParameter(f"no queue is called {', '.join(unknown)}: choose from {', '.join(QUEUES)}")
    settings = _prepare()
    runtime = bootstrap(settings)
    try:
        with Ticker(runtime.runner, runtime.bell).ticking() if tick else nullcontext():
            work_forever(runtime.runner, settings.redis_url, queues or QUEUES, beside=beside or ())
    finally:
        runtime.database.dispose()


def _prepare() -> "Settings":
    """The settings; from here on everything that this process says is a line of JSON."""
    from press_app.kit.logs import log_crashes, setup_logs

    settings = load_settings()
    setup_logs(settings.log_level)
    log_crashes()
    return settings
