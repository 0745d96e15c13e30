"""The attacked process, and Lago's own bodies as its sandbox sends them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing_bridge.sandbox.webhooks.signing import ensure_rsa_key
from tests.billing_bridge.attack.target import Target, attacked
from tests.billing_bridge.builders import ORGANIZATION
from tests.billing_bridge.sandbox.conftest import short_settings
from tests.billing_bridge.sandbox.driver import Driver, Running, RunningTime
from tests.billing_bridge.sandbox.receiver import Receiver

LAST = "plan.deleted"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with attacked(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def real_bodies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """One body of each type that a customer's life brings about, as the sandbox sent it."""
    folder = tmp_path_factory.mktemp("bodies")
    key = folder / "key.pem"
    ensure_rsa_key(key)
    settings = short_settings(folder, key, organization_id=ORGANIZATION)
    with Receiver() as receiver, Running(settings, RunningTime()) as running:
        live(Driver(running), receiver)
    return {each.type: each.body for each in receiver.received}


def live(lago: Driver, receiver: Receiver) -> None:
    """Subscribe, fail, pay, change, end; every step is told by webhook."""
    lago.post(
        "/webhook_endpoints", {"webhook_endpoint": {"webhook_url": receiver.url, "signature_algo": "hmac"}}
    )
    privileges = [{"code": "max", "value_type": "integer"}]
    lago.post("/features", {"feature": {"code": "sites", "name": "Sites", "privileges": privileges}})
    lago.plan("starter")
    lago.plan("business", 9900)
    lago.post("/plans/starter/entitlements", {"entitlements": {"sites": {"max": 1}}})
    lago.customer()
    lago.fail_charges()
    lago.subscribe("starter")
    [invoice] = lago.invoices()
    lago.post(f"/sandbox/invoices/{invoice['lago_id']}/payment", {"status": "failed"})
    lago.advance(days=3)
    lago.post(f"/sandbox/invoices/{invoice['lago_id']}/payment", {"status": "succeeded"})
    lago.subscribe("business")
    lago.customer(name="Renamed")
    void = lago.invoices()[0]["lago_id"]
    lago.post(f"/invoices/{void}/void")
    lago.delete("/subscriptions/acme-erp")
    lago.put("/features/sites", {"feature": {"name": "Places"}})
    lago.delete("/features/sites")
    lago.delete("/plans/business")
    receiver.wait_for(LAST)
    receiver.wait_for("subscription.terminated")
    receiver.wait_for("invoice.voided")
    receiver.wait_for("feature.deleted")
