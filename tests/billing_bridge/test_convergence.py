"""Any order and any repetition of events ends in the state of the last reading of Lago."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_bridge import bootstrap
from billing_bridge.config import Settings
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.events import NewEvent
from billing_bridge.lago.fake import FakeLago
from billing_bridge.migrations.schema import upgrade_database
from billing_bridge.policy import Decision, decide
from tests.billing_bridge.builders import make_body, make_debt, make_generation, make_subscription

KINDS = [
    "subscription.started",
    "subscription.terminated",
    "subscription.updated",
    "invoice.payment_failure",
    "invoice.payment_status_updated",
    "plan.updated",
    "feature.updated",
]


class RememberingPress:
    """The control plane's rule in memory: the later observation counts."""

    def __init__(self) -> None:
        self.views: dict[str, dict[str, Any]] = {}
        self.ended: list[str] = []

    def put_subscription(self, external_id: str, body: Any, *, correlation_id: str) -> dict[str, Any]:
        stored = self.views.get(external_id)
        if stored is None or stored["observed_at"] <= body["observed_at"]:
            self.views[external_id] = dict(body) | {"external_id": external_id}
        if body["wanted"] == "end":
            self.ended.append(external_id)
        return self.views[external_id] | {"applied": True}

    def list_subscriptions(self, *, correlation_id: str) -> Any:
        return iter(list(self.views.values()))

    def check(self, *, timeout: float) -> None:
        """Always there."""


class TickingClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


changes = st.lists(
    st.tuples(
        st.sampled_from(["old", "new"]),
        st.sampled_from(["pending", "incomplete", "active", "terminated", "canceled"]),
        st.booleans(),
        st.lists(st.sampled_from(KINDS), max_size=3),
    ),
    max_size=6,
)


def make_payload(kind: str) -> dict[str, Any]:
    if kind == "invoice.payment_failure":
        return {"lago_invoice_id": "inv-1"}
    if kind.startswith("invoice"):
        return {"lago_id": "inv-1", "fees": [{"external_subscription_id": "acme"}]}
    if kind.startswith("subscription"):
        return make_subscription(lago_id="old")
    return {"code": "starter"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes)
def test_events_in_any_order_and_number_end_where_lago_is(
    history: list[tuple[str, str, bool, list[str]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bridge.db'}"
        options = Settings(database_url=url, backoff_first=0.01, backoff_max=0.01)
        upgrade_database(url)
        lago, press, clock = FakeLago(), RememberingPress(), TickingClock()
        bridge = bootstrap.bootstrap(options, lago=lago, press=press, doorbell=FakeDoorbell(), clock=clock)
        number = 0
        for lago_id, status, is_paid, kinds in history:
            lago.subscriptions[lago_id] = make_generation(lago_id=lago_id, status=status, created_at=clock())
            lago.invoices["inv-1"] = make_debt(payment_status="succeeded" if is_paid else "failed")
            ended_before = len(press.ended)
            for kind in kinds:
                number += 1
                event = NewEvent(
                    unique_key=f"k{number}", webhook_type=kind, body=make_body(kind, make_payload(kind))
                )
                bridge.store.insert([event, event], now=clock())
            bridge.worker.drain()
            if any(not g.is_ended for g in lago.subscriptions.values()):
                assert len(press.ended) == ended_before
        assert bridge.reconciler.run(correlation_id="c").error is None
        last = decide(
            "acme", lago.subscriptions.values(), lago.invoices.values(), today=clock().date(), grace_days=0
        )
        view = press.views.get("acme")
        if view is not None and isinstance(last, Decision):
            assert (view["wanted"], (view["reason"] or {}).get("code")) == (last.wanted, last.reason_code)
        elif isinstance(last, Decision):
            assert not last.makes_a_site
        bridge.engine.dispose()
