"""Proven bodies that make no sense: each ends handled, ignored or dead with a reason, and the worker lives on."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing_bridge.bootstrap import Bridge
from billing_bridge.errors import WebhookRefused
from billing_bridge.handlers.table import EVENT_TYPES
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.envelope import read_envelope
from billing_bridge.inbox.events import Event, EventStatus, NewEvent
from tests.billing_bridge.attack.corpus import list_wrong_types, replace
from tests.billing_bridge.attack.test_bodies import DEPTH
from tests.billing_bridge.builders import make_body, make_subscription
from tests.billing_bridge.servers import LagoServer, PressServer
from tests.billing_bridge.test_convergence import TickingClock

COUNT = 400 * DEPTH
STRANGE_IDS = (
    "x" * 300,
    "x" * 100_000,
    "\u0000",
    "a\nb",
    ".",
    "..",
    "a/b?c#d",
    "%2e%2e",
    " ",
    "acme ",
    "\u202eacme",
    "\U0001f9fe" * 60,
    "\ufffe",
    "'; DROP TABLE inbox; --",
)


@pytest.fixture
def bridge(make_bridge: Callable[..., Bridge]) -> Bridge:
    """Gives up after three attempts; its clock runs ahead, so that no retry has to be waited for."""
    adapters = {"doorbell": FakeDoorbell(), "clock": TickingClock()}
    return make_bridge(adapters=adapters, max_attempts=6, backoff_first=0.01, backoff_max=0.01)


def list_stored(bodies: Iterator[bytes]) -> Iterator[bytes]:
    """Those that the envelope lets pass."""
    for raw in bodies:
        try:
            read_envelope(raw)
        except WebhookRefused:
            continue
        yield raw


def work_through(bridge: Bridge, raws: list[bytes]) -> list[Event]:
    """Store and handle all of them; what became of each."""
    events = [
        NewEvent(unique_key=f"k{number}", webhook_type=json.loads(raw)["webhook_type"], body=raw)
        for number, raw in enumerate(raws)
    ]
    bridge.store.insert(events, now=bridge.clock())
    limit = len(raws) * 20
    assert bridge.worker.drain(at_most=limit) < limit, "an event is tried without end"
    return bridge.store.list_events(limit=len(raws) + 1_000)


def check_ends(found: list[Event]) -> None:
    """Nothing waits, nothing was unforeseen, and each end has its reason."""
    unforeseen = [(each.error_message, each.body[:200]) for each in found if each.error_code == "unexpected"]
    assert unforeseen == []
    for each in found:
        assert each.status in {EventStatus.HANDLED, EventStatus.IGNORED, EventStatus.DEAD}
        assert each.outcome or each.error_message


def test_wrong_types_at_every_key_end_with_a_reason(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, real_bodies: dict[str, dict[str, Any]]
) -> None:
    lago_server.subscriptions.append(make_subscription())
    handled = [body for kind, body in real_bodies.items() if kind in EVENT_TYPES]
    raws = list(list_stored(itertools.chain.from_iterable(list_wrong_types(body) for body in handled)))
    raws = raws[:: max(1, len(raws) // COUNT)]
    check_ends(work_through(bridge, [*raws, make_body()]))
    assert press_server.views["acme"]["wanted"] == "run"


@pytest.mark.parametrize(
    "webhook_type", ["subscription.updated", "invoice.created", "plan.updated", "customer.updated"]
)
def test_strange_ids_end_with_a_reason_and_hold_nobody_up(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, webhook_type: str
) -> None:
    lago_server.subscriptions.append(make_subscription())
    raws = [make_body(webhook_type, payload) for name in STRANGE_IDS for payload in list_payloads(name)]
    check_ends(work_through(bridge, [*raws, *raws, make_body()]))
    assert press_server.views.keys() == {"acme"}
    assert bridge.reconciler.run(correlation_id="c").error is None


def list_payloads(name: str) -> Iterator[dict[str, Any]]:
    yield make_subscription(name)
    yield make_subscription(lago_id=name)
    yield {"code": name, "external_id": name, "lago_id": "1"}
    yield {"lago_id": name}
    yield {"lago_id": "1", "fees": [{"external_subscription_id": name}]}


@pytest.mark.parametrize("name", STRANGE_IDS)
def test_a_strange_id_that_lago_really_has_stops_no_other(
    bridge: Bridge, lago_server: LagoServer, press_server: PressServer, name: str
) -> None:
    strange = make_subscription(name, lago_id="strange")
    lago_server.subscriptions.extend([strange, make_subscription()])
    body = replace(json.loads(make_body(payload=strange)), ("webhook_type",), "subscription.updated")
    check_ends(work_through(bridge, [json.dumps(body).encode(), make_body()]))
    assert bridge.reconciler.run(correlation_id="c").error is None
    assert bridge.reconciler.run(correlation_id="c").error is None
    assert press_server.views["acme"]["wanted"] == "run"
