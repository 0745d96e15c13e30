"""The command line: real processes, sentences for people, JSON for programs."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing_bridge.bootstrap import Bridge, bootstrap
from billing_bridge.config import Settings
from billing_bridge.inbox.events import NewEvent
from billing_bridge.migrations.revision import HEAD
from tests.billing_bridge.builders import make_body, make_subscription
from tests.billing_bridge.conftest import make_sqlite
from tests.billing_bridge.processes import run_cli
from tests.billing_bridge.servers import LagoServer, PressServer

Cli = Callable[..., Any]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return make_sqlite(tmp_path)


@pytest.fixture
def options(settings: Callable[..., Settings]) -> Settings:
    return settings(webhook_url="https://bridge.example/webhooks/lago")


@pytest.fixture
def bridge(options: Settings) -> Bridge:
    return bootstrap(options)


@pytest.fixture
def cli(options: Settings, tmp_path: Path) -> Cli:
    """Run one command with --json and give its answer; it must succeed."""

    def run(*arguments: str) -> Any:
        done = run_cli(*arguments, "--json", settings=options, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def bury(bridge: Bridge) -> int:
    bridge.store.insert(
        [NewEvent(unique_key="k", webhook_type="subscription.updated", body=make_body())], now=bridge.clock()
    )
    event = bridge.store.claim(owner="t", now=bridge.clock(), lease=timedelta(seconds=20))
    assert event is not None
    bridge.store.bury(event, code="lago_unreadable", message="Lago was down.")
    return event.id


def test_the_inbox_is_listed_shown_and_replayed(cli: Cli, bridge: Bridge) -> None:
    event_id = bury(bridge)
    [listed] = cli("inbox", "list", "--status", "dead")
    assert (listed["id"], listed["error"]["code"]) == (event_id, "lago_unreadable")
    assert cli("inbox", "show", str(event_id))["body"]["subscription"]["external_id"] == "acme"
    assert cli("inbox", "replay-dead") == {"replayed": 1}
    assert cli("inbox", "replay", str(event_id))["status"] == "pending"
    bridge.engine.dispose()


def test_sync_reconcile_and_mismatches(cli: Cli, lago_server: LagoServer, press_server: PressServer) -> None:
    lago_server.subscriptions.append(make_subscription())
    assert cli("reconcile")["repaired"] == 1
    assert [m["kind"] for m in cli("mismatches")] == ["missing"]
    assert cli("sync", "acme")["wanted"] == "run"
    assert len(press_server.puts) == 2


def test_the_endpoint_is_ensured_twice_and_made_once(cli: Cli, lago_server: LagoServer) -> None:
    assert [cli("webhook", "ensure")["result"] for _ in range(2)] == ["created", "unchanged"]
    [endpoint] = lago_server.endpoints
    assert (endpoint["webhook_url"], endpoint["signature_algo"]) == (
        "https://bridge.example/webhooks/lago",
        "hmac",
    )
    assert "invoice.payment_failure" in endpoint["event_types"]


def test_people_get_tables_and_sentences(options: Settings, bridge: Bridge, tmp_path: Path) -> None:
    bury(bridge)
    table = run_cli("inbox", "list", settings=options, cwd=tmp_path)
    assert "Inbox" in table.stdout
    assert "dead" in table.stdout
    assert HEAD in run_cli("db", "upgrade", settings=options, cwd=tmp_path).stdout
    bridge.engine.dispose()


def test_errors_are_one_sentence_and_exit_code_2(options: Settings, tmp_path: Path) -> None:
    missing = run_cli("inbox", "show", "99", settings=options, cwd=tmp_path)
    assert (missing.returncode, missing.stderr) == (2, "There is no event 99 in the inbox.\n")
    as_json = run_cli("inbox", "show", "99", "--json", settings=options, cwd=tmp_path)
    assert json.loads(as_json.stderr)["code"] == "not_found"


def test_a_wrong_setting_is_named(options: Settings, tmp_path: Path) -> None:
    wrong = options.model_copy(update={"port": 0})
    done = run_cli("db", "upgrade", settings=wrong, cwd=tmp_path)
    assert done.returncode == 2
    assert "PRESS_BRIDGE_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreadable_lago_makes_reconcile_fail(
    options: Settings, lago_server: LagoServer, tmp_path: Path
) -> None:
    lago_server.always_broken = True
    done = run_cli("reconcile", "--json", settings=options, cwd=tmp_path)
    assert done.returncode == 1
    assert "answered 503" in json.loads(done.stdout)["error"]
