"""Every event type leads to the right places, and a sync says what Lago says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from billing_bridge.bootstrap import Bridge
from billing_bridge.handlers.table import EVENT_TYPES, HANDLERS
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.events import EventStatus, NewEvent
from billing_bridge.lago.fake import FakeLago
from billing_bridge.policy import Customer, Entitlements
from tests.billing_bridge.builders import (
    make_body,
    make_debt,
    make_generation,
    make_invoice,
    make_subscription,
)
from tests.billing_bridge.servers import PressServer

REGISTRY = {
    "subscription.started",
    "subscription.terminated",
    "subscription.canceled",
    "subscription.incomplete",
    "subscription.updated",
    "invoice.payment_status_updated",
    "invoice.payment_failure",
    "invoice.payment_overdue",
    "invoice.created",
    "invoice.voided",
    "payment.succeeded",
    "customer.updated",
    "plan.updated",
    "plan.deleted",
    "feature.updated",
    "feature.deleted",
}


class Setting:
    """A bridge on a fake Lago and a real control-plane socket."""

    def __init__(self, bridge: Bridge, lago: FakeLago, press: PressServer) -> None:
        self.bridge = bridge
        self.lago = lago
        self.press = press

    def deliver(self, webhook_type: str, payload: dict[str, Any]) -> str | None:
        """Store one event, handle everything that is due, answer what became of the event."""
        count = len(self.bridge.store.list_events(limit=100))
        event = NewEvent(
            unique_key=f"k{count}", webhook_type=webhook_type, body=make_body(webhook_type, payload)
        )
        self.bridge.store.insert([event], now=self.bridge.clock())
        self.bridge.worker.drain()
        done = self.bridge.store.get_by_key(event.unique_key)
        return done.outcome or done.error_code

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(external_id, body["wanted"]) for external_id, body in self.press.puts]


@pytest.fixture
def setting(make_bridge: Callable[..., Bridge], press_server: PressServer) -> Setting:
    lago = FakeLago(
        subscriptions={"sub-acme": make_generation(lago_id="sub-acme")},
        customers={"acme-inc": Customer(external_id="acme-inc", name="Acme", email="o@acme.example")},
        plans={"starter": Entitlements(sites=1)},
    )
    bridge = make_bridge(
        adapters={"lago": lago, "doorbell": FakeDoorbell()}, backoff_first=600.0, backoff_max=600.0
    )
    return Setting(bridge, lago, press_server)


def test_the_table_holds_every_type_of_the_product() -> None:
    assert set(EVENT_TYPES) == set(HANDLERS) == REGISTRY


@pytest.mark.parametrize(
    ("webhook_type", "payload"),
    [
        ("subscription.started", make_subscription()),
        ("subscription.updated", make_subscription()),
        ("subscription.incomplete", make_subscription()),
        ("invoice.created", make_invoice()),
        ("invoice.voided", make_invoice()),
        ("invoice.payment_status_updated", make_invoice()),
        ("invoice.payment_overdue", make_invoice()),
        ("invoice.payment_overdue", {"lago_id": "inv-1"}),
        ("invoice.payment_failure", {"lago_invoice_id": "inv-1"}),
        ("payment.succeeded", {"invoice_ids": ["inv-1"]}),
        ("plan.updated", {"code": "starter"}),
        ("plan.deleted", {"code": "starter", "pending_deletion": True}),
        ("feature.updated", {"code": "sites"}),
        ("feature.deleted", {"code": "sites"}),
        ("customer.updated", {"external_id": "acme-inc"}),
    ],
)
def test_each_type_finds_its_subscription(
    setting: Setting, webhook_type: str, payload: dict[str, Any]
) -> None:
    setting.lago.invoices["inv-1"] = make_debt(payment_status="succeeded")
    assert setting.deliver(webhook_type, payload) == "acme: run"
    assert setting.told == [("acme", "run")]


@pytest.mark.parametrize(
    ("webhook_type", "payload"),
    [
        ("subscription.updated", {}),
        ("subscription.updated", {"external_id": 7}),
        ("invoice.created", {"fees": "none"}),
        ("invoice.payment_failure", {}),
        ("payment.succeeded", {"invoice_ids": None}),
        ("plan.updated", {"code": None}),
        ("plan.updated", {"code": "other"}),
        ("customer.updated", {}),
    ],
)
def test_an_event_that_names_nothing_is_handled_and_tells_nothing(
    setting: Setting, webhook_type: str, payload: dict[str, Any]
) -> None:
    assert setting.deliver(webhook_type, payload) == "names no subscription"
    assert setting.told == []


def test_an_unknown_type_is_ignored(setting: Setting) -> None:
    assert setting.deliver("wallet.created", {}) == "no handler for this type"
    assert [e.status for e in setting.bridge.store.list_events(limit=9)] == [EventStatus.IGNORED]


def test_a_plan_fans_out_to_rows_of_their_own(setting: Setting) -> None:
    for number in range(5):
        external_id = f"s{number}"
        setting.lago.subscriptions[external_id] = make_generation(
            lago_id=external_id, external_id=external_id
        )
    setting.lago.subscriptions["gone"] = make_generation(
        lago_id="gone", external_id="gone", status="terminated"
    )
    assert setting.deliver("plan.updated", {"code": "starter"}) == "6 subscriptions to look at"
    assert sorted(setting.told) == [("acme", "run")] + [(f"s{n}", "run") for n in range(5)]
    own = [e for e in setting.bridge.store.list_events(limit=20) if e.source == "bridge"]
    assert {(e.webhook_type, e.status, e.correlation_id) for e in own} == {("bridge.sync", "handled", "k0")}


def test_an_upgrade_in_either_order_runs_on_the_new_plan(setting: Setting) -> None:
    old = make_generation(lago_id="sub-acme", status="terminated", next_plan_code="business")
    new = make_generation(lago_id="new", plan_code="business", created_at=datetime(2026, 11, 2, tzinfo=UTC))
    setting.lago.subscriptions = {"sub-acme": old, "new": new}
    started, terminated = make_subscription(lago_id="new"), make_subscription(status="terminated")
    setting.deliver("subscription.started", started)
    setting.deliver("subscription.terminated", terminated)
    setting.deliver("subscription.started", started)
    assert setting.told == [("acme", "run")] * 3
    assert {body["plan_code"] for _, body in setting.press.puts} == {"business"}


def test_a_torn_plan_change_sends_nothing_and_is_read_again(setting: Setting) -> None:
    torn = make_generation(lago_id="sub-acme", status="terminated", next_plan_code="business")
    setting.lago.subscriptions = {"sub-acme": torn}
    assert setting.deliver("subscription.terminated", make_subscription()) == "lago_not_yet"
    assert setting.told == []


@pytest.mark.parametrize(
    ("webhook_type", "status"),
    [
        ("subscription.started", "incomplete"),
        ("subscription.terminated", "active"),
        ("subscription.started", None),
    ],
)
def test_a_reading_older_than_the_event_is_not_believed_at_first(
    setting: Setting, webhook_type: str, status: str | None
) -> None:
    if status is None:
        setting.lago.subscriptions.clear()
    else:
        setting.lago.subscriptions["sub-acme"] = make_generation(lago_id="sub-acme", status=status)
    assert setting.deliver(webhook_type, make_subscription()) == "lago_not_yet"
    assert setting.told == []


@pytest.mark.parametrize("status", ["pending", "incomplete"])
def test_what_never_started_makes_no_site_unless_the_control_plane_knows_it(
    setting: Setting, status: str
) -> None:
    setting.lago.subscriptions["sub-acme"] = make_generation(lago_id="sub-acme", status=status)
    outcome = setting.deliver("subscription.incomplete", make_subscription())
    assert outcome == "acme: nothing to tell (it never was active)"
    assert setting.told == []
    setting.bridge.ledger.mark_known(["acme"])
    setting.deliver("subscription.incomplete", make_subscription())
    [(_, body)] = setting.press.puts
    assert (body["wanted"], body["reason"]["code"]) == ("hold", "not_active")


def test_an_unreadable_lago_puts_nothing(setting: Setting) -> None:
    setting.lago.is_down = True
    assert setting.deliver("subscription.terminated", make_subscription()) == "lago_unreadable"
    assert setting.press.requests == []


def test_a_deleted_customer_is_named_by_his_id(setting: Setting) -> None:
    setting.lago.customers.clear()
    setting.deliver("subscription.updated", make_subscription())
    assert setting.press.puts[0][1]["customer"] == {
        "external_id": "acme-inc",
        "name": "acme-inc",
        "email": None,
        "country": None,
        "currency": None,
        "language": None,
        "time_zone": None,
    }


def test_where_the_customer_is_at_home_is_told(setting: Setting) -> None:
    home = {"country": "FR", "currency": "EUR", "language": "fr", "time_zone": "Europe/Paris"}
    known = setting.lago.customers["acme-inc"]
    setting.lago.customers["acme-inc"] = replace(known, **home)
    setting.deliver("subscription.updated", make_subscription())
    assert home.items() <= setting.press.puts[0][1]["customer"].items()


def test_a_word_that_no_column_holds_is_left_out(setting: Setting) -> None:
    known = setting.lago.customers["acme-inc"]
    setting.lago.customers["acme-inc"] = replace(known, time_zone="x" * 65)
    setting.deliver("subscription.updated", make_subscription())
    assert setting.press.puts[0][1]["customer"]["time_zone"] is None


def test_the_observation_is_taken_before_the_reading(setting: Setting) -> None:
    before = datetime.now(UTC)
    setting.deliver("subscription.updated", make_subscription())
    observed = datetime.fromisoformat(setting.press.puts[0][1]["observed_at"])
    told = setting.bridge.ledger.find("acme")
    assert before <= observed <= datetime.now(UTC)
    assert told is not None
    assert told.observed_at == observed


def test_a_reading_that_is_taken_for_older_is_told_again_until_it_is_believed(setting: Setting) -> None:
    """The control plane's clock was ahead when it stored the last one, or the bridge's is behind."""
    payload = make_subscription()
    setting.deliver("subscription.started", payload)
    view = setting.press.views["acme"]
    setting.press.views["acme"] = view | {"wanted": "hold", "observed_at": "2999-01-01T00:00:00Z"}
    assert setting.deliver("subscription.updated", payload) == "press_kept_its_state"
    setting.press.views["acme"]["observed_at"] = "2026-01-01T00:00:00Z"
    (waiting,) = [
        e for e in setting.bridge.store.list_events(limit=9) if e.error_code == "press_kept_its_state"
    ]
    assert waiting.status == EventStatus.PENDING
    setting.bridge.store.replay(waiting.id, now=setting.bridge.clock())
    setting.bridge.worker.drain()
    assert setting.press.views["acme"]["wanted"] == "run"
    assert setting.bridge.store.get(waiting.id).status == EventStatus.HANDLED


def test_one_that_wants_the_same_is_taken_though_it_is_older(setting: Setting) -> None:
    payload = make_subscription()
    setting.deliver("subscription.started", payload)
    setting.press.views["acme"]["observed_at"] = "2999-01-01T00:00:00Z"
    assert setting.deliver("subscription.updated", payload) == "acme: run"
