"""The command ``press-agent``."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import structlog
import typer
from pydantic import ValidationError

from agent import __version__
from agent.config import Settings
from agent.credentials.enrolment import Identity, parse_enrolment
from agent.errors import AgentError

app = typer.Typer(
    help="The host agent: runs benches and sites of one host.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
run = typer.Typer(help="Run one of the agent's programs in the foreground.", no_args_is_help=True)
app.add_typer(run, name="run")
store = typer.Typer(help="Where the backups of this host go.", no_args_is_help=True)
app.add_typer(store, name="store")
STOPPED = 2
log = structlog.get_logger(__name__)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"PRESS_AGENT_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()
        )
        raise typer.BadParameter(f"{wrong}. Nothing was started.") from None


@run.command("api")
def run_api() -> None:
    """Serve the HTTP API, push events and sweep."""
    import uvicorn

    from agent.api.app import create_app
    from agent.api.server import QuietServer
    from agent.bootstrap import bootstrap
    from agent.host.logs import configure_logs

    settings = _settings()
    configure_logs(settings.log_level)
    agent = bootstrap(settings)
    try:
        QuietServer(
            uvicorn.Config(
                create_app(agent),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                # httptools, which would be taken by itself, has no limit for the head of a request.
                http="h11",
            )
        ).run()
    finally:
        agent.ledger.close()


@run.command("worker")
def run_worker(
    number: Annotated[int, typer.Option(min=0, help="Number of this worker; 0 takes every queue.")] = 0,
    queues: Annotated[
        str | None, typer.Option(help="Queues in the order they are asked, with blanks between.")
    ] = None,
) -> None:
    """Run jobs, one at a time. Start as many as PRESS_AGENT_WORKERS says, with numbers from 0."""
    from agent.bootstrap import bootstrap
    from agent.host.logs import configure_logs
    from agent.jobs.doorbell import make_redis
    from agent.jobs.worker import queues_of, work, worker_lock
    from agent.operations.base import Urgency

    settings = _settings()
    configure_logs(settings.log_level)
    try:
        names = queues_of(number) if queues is None else tuple(Urgency(name) for name in queues.split())
    except ValueError as error:
        raise typer.BadParameter(f"{error}; choose from {', '.join(Urgency)}") from None
    with worker_lock(settings.data_dir, number):
        agent = bootstrap(settings)
        try:
            work(agent.make_runner(), make_redis(settings.redis_url), names)
        finally:
            agent.ledger.close()


@run.command("benches")
def run_benches() -> None:
    """Run the supervisor of the benches; when it starts, it starts every bench that stands in its files."""
    from agent.bootstrap import make_executor
    from agent.host.logs import configure_logs

    settings = _settings()
    configure_logs(settings.log_level)
    make_executor(settings).serve()


@run.command("mariadb")
def run_mariadb() -> None:
    """Run the database server of this host's Frappe sites; it is made at its first start."""
    from agent.bootstrap import make_mariadb_server
    from agent.host.logs import configure_logs

    settings = _settings()
    configure_logs(settings.log_level)
    make_mariadb_server(settings).serve()


@app.command()
def enroll(
    replace: Annotated[
        bool, typer.Option("--replace", help="Hand this host to another control plane.")
    ] = False,
) -> None:
    """Read the enrolment as JSON from standard input, store it, print the agent's public key."""
    settings = _settings()
    try:
        wanted = parse_enrolment(sys.stdin.read())
    except ValueError as error:
        typer.echo(
            f"The enrolment cannot be read ({error}). Nothing was stored; run `press server add` again.",
            err=True,
        )
        raise typer.Exit(STOPPED) from None
    identity = Identity(settings.data_dir)
    identity.enroll(wanted, replace=replace)
    _print(
        {
            "public_key": identity.public_pem(),
            "url": f"http://{settings.host}:{settings.port}",
            "version": __version__,
            "engines": list(settings.engine_names),
        }
    )


@app.command()
def state() -> None:
    """Print what the host really holds, as JSON."""
    from agent.api.status import read_state
    from agent.bootstrap import bootstrap

    agent = bootstrap(_settings())
    try:
        _print(read_state(agent).model_dump(mode="json"))
    finally:
        agent.ledger.close()


@app.command()
def conformance(
    engine: Annotated[str, typer.Option(help="Engine to check: fake, tryton or frappe.")] = "tryton",
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--app", metavar="APP=URL@COMMIT", help="Code of the release; frappe needs its own first."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every promise of an engine on a bench of its own; exit status 1 when one does not hold."""
    from agent.bootstrap import run_conformance
    from agent.engines.port import parse_source

    def show(result: Any) -> None:
        if not as_json:
            word = "----" if result.not_tried else "ok  " if result.ok else "FAIL"
            said = f"not tried, {result.not_tried}" if result.not_tried else result.message
            typer.echo(f"{word} {result.operation}: {result.check} {said}".rstrip())

    settings = _settings().model_copy(update={"engines": engine})
    report = run_conformance(settings, engine, show, tuple(parse_source(text) for text in sources or ()))
    if as_json:
        _print(report)
    if not report["ok"]:
        raise typer.Exit(1)


@store.command("check")
def check_store(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Try what backups need, and attack the lock where there is one; exit status 1 when something does not hold."""
    from dataclasses import asdict

    from agent.bootstrap import make_store

    found = []
    for finding in make_store(_settings()).check():
        found.append(finding)
        if not as_json:
            typer.echo(f"{'ok  ' if finding.is_ok else 'FAIL'} {finding.name}: {finding.message}")
    if as_json:
        _print([asdict(finding) for finding in found])
    if not all(finding.is_ok for finding in found):
        raise typer.Exit(1)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def main() -> None:
    """Run the command line; an expected failure is one line and exit status 1."""
    with telling(sys.argv[1:]):
        if sys.argv[1:2] == ["run"]:
            # A program lives long: it must not carry all other commands with it.
            run(sys.argv[2:], prog_name="press-agent run")
        else:
            app()


@contextmanager
def telling(_given: Sequence[str]) -> Iterator[None]:
    """End the process with a sentence and a status when the block fails in a way that is foreseen."""
    logging.captureWarnings(capture=True)
    try:
        yield
    except AgentError as error:
        _stop(error.code, error.message, 1)
    except ValueError as error:
        _stop("settings_invalid", str(error), STOPPED)


def _stop(code: str, message: str, status: int) -> NoReturn:
    """Say why: in the log of a program that runs in the background, else to the person at the terminal."""
    if structlog.is_configured():
        log.error("program.stopped", code=code, error=message)
    else:
        typer.echo(message, err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
