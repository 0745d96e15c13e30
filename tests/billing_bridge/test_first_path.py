"""The whole path in one process: a signed webhook goes in, a wanted state comes out."""

from collections.abc import Callable

from fastapi.testclient import TestClient

from billing_bridge.api.app import create_app
from billing_bridge.bootstrap import Bridge
from billing_bridge.inbox.doorbell import FakeDoorbell
from tests.billing_bridge.builders import make_body, make_invoice, make_subscription, sign
from tests.billing_bridge.servers import LagoServer, PressServer


def test_a_signed_webhook_becomes_a_wanted_state(
    make_bridge: Callable[..., Bridge],
    lago_server: LagoServer,
    press_server: PressServer,
    until: Callable[..., None],
) -> None:
    lago_server.subscriptions.append(make_subscription())
    bell = FakeDoorbell()
    bridge = make_bridge(adapters={"doorbell": bell})
    raw = make_body()
    with TestClient(create_app(bridge)) as client:
        answer = client.post("/webhooks/lago", content=raw, headers=sign(raw) | {"X-Correlation-ID": "c-1"})
        until(lambda: bell.rings == 1, what="the ring")
    assert answer.json() == {"received": "new", "handled": True}
    assert bridge.worker.drain() == 1
    [(external_id, put)] = press_server.puts
    assert external_id == "acme"
    assert put.pop("observed_at").endswith("Z")
    assert put == {
        "customer": {
            "external_id": "acme-inc",
            "name": "Acme",
            "email": "owner@acme.example",
            "country": None,
            "currency": None,
            "language": None,
            "time_zone": None,
        },
        "plan_code": "starter",
        "wanted": "run",
        "reason": None,
        "name": "acme",
        "entitlements": {"sites": 1, "users": 5, "apps": ["base"], "storage_gb": 5},
        "lago_id": "sub-acme",
    }
    assert press_server.headers[-1]["X-Correlation-Id"] == "c-1"
    assert press_server.headers[-1]["Authorization"] == "Bearer press-token"
    assert [event.status for event in bridge.store.list_events(limit=5)] == ["handled"]


def test_failed_holds_paid_resumes_terminated_ends(
    make_bridge: Callable[..., Bridge], lago_server: LagoServer, press_server: PressServer
) -> None:
    subscription, invoice = make_subscription(), make_invoice()
    lago_server.subscriptions.append(subscription)
    lago_server.invoices.append(invoice)
    bridge = make_bridge(adapters={"doorbell": FakeDoorbell()})
    with TestClient(create_app(bridge)) as client:

        def deliver(webhook_type: str, payload: dict[str, object]) -> dict[str, object]:
            raw = make_body(webhook_type, payload)
            assert client.post("/webhooks/lago", content=raw, headers=sign(raw)).status_code == 200
            assert bridge.worker.drain() == 1
            return press_server.puts[-1][1]

        held = deliver("invoice.payment_failure", {"lago_invoice_id": "inv-1"})
        assert held["wanted"] == "hold"
        assert held["reason"] == {
            "code": "unpaid",
            "message": "Invoice INV-7 of 2026-11-01 is unpaid.",
            "invoices": ["inv-1"],
        }
        invoice["payment_status"] = "succeeded"
        assert deliver("invoice.payment_status_updated", invoice)["wanted"] == "run"
        subscription.update(status="terminated", terminated_at="2026-11-20T10:00:00Z")
        ended = deliver("subscription.terminated", subscription)
    assert ended["wanted"] == "end"
    assert ended["reason"] is not None
    assert ended["entitlements"] is None
