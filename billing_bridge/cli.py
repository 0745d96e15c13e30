"""`press-bridge`: run the bridge, look into it, and put right what needs a hand."""

import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ValidationError

from billing_bridge import bootstrap, logs
from billing_bridge.bootstrap import Bridge
from billing_bridge.config import Settings
from billing_bridge.errors import BridgeError, SettingsIncomplete
from billing_bridge.handlers.table import EVENT_TYPES
from billing_bridge.inbox.events import Event, EventStatus
from billing_bridge.lago.port import LagoAdmin
from billing_bridge.lago.registration import ensure_endpoint

app = typer.Typer(
    help="The billing bridge: Lago's webhooks in, wanted subscription state out.", no_args_is_help=True
)
run = typer.Typer(help="Run one of the bridge's processes.", no_args_is_help=True)
db = typer.Typer(help="The database's schema.", no_args_is_help=True)
inbox = typer.Typer(help="What was received, and what became of it.", no_args_is_help=True)
webhook = typer.Typer(help="The webhook endpoint in Lago.", no_args_is_help=True)
for name, group in (("run", run), ("db", db), ("inbox", inbox), ("webhook", webhook)):
    app.add_typer(group, name=name)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"PRESS_BRIDGE_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsIncomplete(f"The settings are not usable, nothing was started: {wrong}.") from error


def _bridge() -> Bridge:
    """The bridge for one command; standard output belongs to its answer, so records go to stderr, errors only."""
    settings = _settings()
    logs.configure_logging("ERROR")
    return bootstrap.bootstrap(settings)


def _admin(settings: Settings) -> LagoAdmin:
    """Access to Lago's webhook endpoints and public key."""
    from billing_bridge.lago.endpoints import EndpointAdmin

    return EndpointAdmin(api_url=settings.lago_api_url, api_key=settings.lago_api_key.get_secret_value())


def _show(value: Any, *, as_json: bool, sentence: str) -> None:
    if as_json:
        typer.echo(json.dumps(value, default=str))
    else:
        typer.echo(sentence)


def _show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


@run.command("api")
def run_api() -> None:
    """Serve webhooks, the operator API, health and metrics."""
    import uvicorn

    from billing_bridge.api.app import create_app
    from billing_bridge.api.protocol import make_protocol
    from billing_bridge.api.server import QuietServer

    settings = _settings()
    logs.configure_logging(settings.log_level)
    logs.log_crashes()
    admin = _admin(settings) if settings.webhook_jwt else None
    QuietServer(
        uvicorn.Config(
            create_app(bootstrap.bootstrap(settings, lago_admin=admin)),
            host=settings.host,
            port=settings.port,
            # A JWT signature is as long as the body it signs and travels in a header.
            http=make_protocol(settings.webhook_max_header_bytes),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    ).run()


@run.command("worker")
def run_worker() -> None:
    """Handle events, sweep, and reconcile, until a signal ends it."""
    settings = _settings()
    logs.configure_logging(settings.log_level)
    logs.log_crashes()
    bootstrap.run_worker(bootstrap.bootstrap(settings))


@app.command("sandbox")
def sandbox() -> None:
    """Serve a pretended Lago for trials and tests."""
    from billing_bridge.sandbox.config import Settings as SandboxSettings
    from billing_bridge.sandbox.server import serve

    serve(SandboxSettings())


@db.command("upgrade")
def db_upgrade(*, as_json: Json = False) -> None:
    """Bring the schema to the newest revision; changes nothing when it is there already."""
    from billing_bridge.migrations.schema import upgrade_database

    revision = upgrade_database(_settings().database_url)
    _show({"revision": revision}, as_json=as_json, sentence=f"The schema is at revision {revision}.")


@inbox.command("list")
def inbox_list(*, status: EventStatus | None = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List events, newest first."""
    events = _bridge().store.list_events(status=status, limit=limit)
    if as_json:
        typer.echo(json.dumps([_event(event) for event in events], default=str))
        return
    rows = [
        (
            e.id,
            e.webhook_type,
            e.status,
            e.attempts,
            f"{e.received_at:%Y-%m-%d %H:%M:%S}",
            e.error_message or e.outcome,
        )
        for e in events
    ]
    _show_table("Inbox", ("id", "type", "status", "attempts", "received (UTC)", "outcome"), rows)


@inbox.command("show")
def inbox_show(event_id: int, *, as_json: Json = False) -> None:
    """Show one event with the body that was received."""
    event = _bridge().store.get(event_id)
    shown = _event(event) | {"body": json.loads(event.body)}
    typer.echo(json.dumps(shown, default=str, indent=None if as_json else 2))


@inbox.command("replay")
def inbox_replay(event_id: int, *, as_json: Json = False) -> None:
    """Handle one event again."""
    bridge = _bridge()
    event = bridge.store.replay(event_id, now=bridge.clock())
    bridge.doorbell.ring()
    _show(_event(event), as_json=as_json, sentence=f"Event {event.id} is due again.")


@inbox.command("replay-dead")
def inbox_replay_dead(*, as_json: Json = False) -> None:
    """Handle every dead letter again."""
    bridge = _bridge()
    count = bridge.store.replay_dead(now=bridge.clock())
    bridge.doorbell.ring()
    _show({"replayed": count}, as_json=as_json, sentence=f"{count} dead letters are due again.")


app.command("replay", help="Handle one event again (short for 'inbox replay').")(inbox_replay)


@app.command("mismatches")
def mismatches(*, only_open: bool = False, limit: Limit = 50, as_json: Json = False) -> None:
    """List differences between Lago and the control plane, newest first."""
    found = _bridge().mismatches.list_mismatches(only_open=only_open, limit=limit)
    if as_json:
        typer.echo(json.dumps([asdict(mismatch) for mismatch in found], default=str))
        return
    rows = [
        (
            m.external_id,
            m.kind,
            m.lago_says,
            m.press_had,
            f"{m.last_seen_at:%Y-%m-%d %H:%M:%S}",
            m.error or "repaired",
        )
        for m in found
    ]
    columns = ("subscription", "kind", "Lago says", "control plane had", "seen (UTC)", "state")
    _show_table("Mismatches", columns, rows)


@app.command("reconcile")
def reconcile(*, as_json: Json = False) -> None:
    """Compare Lago with the control plane now and repair what differs; exits 1 when it could not compare."""
    report = _bridge().reconciler.run(correlation_id=str(uuid.uuid4()))
    sentence = report.error or (
        f"{report.compared} subscriptions compared in {report.seconds:.1f} s: {report.mismatches} differed, "
        f"{report.repaired} repaired, {report.refreshed} read in full."
    )
    _show(asdict(report), as_json=as_json, sentence=sentence)
    if report.error:
        raise typer.Exit(1)


@app.command("sync")
def sync(external_id: str, *, as_json: Json = False) -> None:
    """Read one subscription in Lago and tell the control plane what to want."""
    synced = _bridge().synchronizer.sync(
        external_id, purpose="operator's sync", correlation_id=str(uuid.uuid4())
    )
    _show(asdict(synced), as_json=as_json, sentence=synced.text)


@webhook.command("ensure")
def webhook_ensure(*, as_json: Json = False) -> None:
    """Register this bridge's webhook endpoint in Lago, or correct it; changes nothing when it is right."""
    settings = _settings()
    logs.configure_logging("ERROR")
    url = settings.webhook_url
    if not url:
        raise SettingsIncomplete(
            "PRESS_BRIDGE_WEBHOOK_URL is not set; nothing was changed in Lago. Set it first."
        )
    word, endpoint = ensure_endpoint(_admin(settings), url=url, event_types=EVENT_TYPES)
    _show(
        asdict(endpoint) | {"result": word.value},
        as_json=as_json,
        sentence=f"The endpoint {url} is registered for {len(EVENT_TYPES)} event types ({word.value}).",
    )


def _event(event: Event) -> dict[str, Any]:
    from billing_bridge.api.schemas import EventView

    view: BaseModel = EventView.of(event)
    return view.model_dump(mode="json")


def main() -> None:
    """The entry point: errors of the bridge become one sentence and exit code 2."""
    with telling(sys.argv[1:]):
        if sys.argv[1:2] == ["run"]:
            # A program lives long: it must not carry all other commands with it.
            run(sys.argv[2:], prog_name="press-bridge run")
        else:
            app()


@contextmanager
def telling(given: Sequence[str]) -> Iterator[None]:
    """End the process with a sentence and a status when the block fails in a way that is foreseen."""
    try:
        yield
    except BridgeError as error:
        if "--json" in given:
            typer.echo(json.dumps({"code": error.code, "message": error.message}), err=True)
        else:
            typer.echo(error.message, err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
