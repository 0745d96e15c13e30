"""What the bridge puts is what the control plane takes (docs/contracts/bridge.md)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing_bridge.policy import Customer, Entitlements, Reason, ReasonCode
from billing_bridge.policy import Wanted as BridgeWanted
from press_app.billing.model import WantedState
from press_app.billing.schemas import Reason as PressReason
from press_app.billing.schemas import SubscriptionPut

BODY: dict[str, Any] = {
    "customer": {
        "external_id": "acme",
        "name": "Acme",
        "email": None,
        "country": "DE",
        "currency": "EUR",
        "language": "de",
        "time_zone": "Europe/Berlin",
    },
    "plan_code": "starter",
    "lago_id": "1a901a90-1a90-1a90-1a90-1a901a901a90",
    "name": "",
    "observed_at": datetime(2026, 11, 23, tzinfo=UTC).isoformat(),
}


def test_both_mean_the_same_by_every_word() -> None:
    assert {wanted.value for wanted in BridgeWanted} == {wanted.value for wanted in WantedState}
    assert set(PressReason.model_fields) == set(Reason.__dataclass_fields__)
    assert set(Customer.__dataclass_fields__) == set(BODY["customer"])


@pytest.mark.parametrize("code", list(ReasonCode))
@pytest.mark.parametrize("wanted", list(BridgeWanted))
def test_the_control_plane_takes_every_state_and_reason(wanted: BridgeWanted, code: ReasonCode) -> None:
    reason = {"code": code.value, "message": "Invoice INV-7 is unpaid.", "invoices": ["i-7"]}
    put = SubscriptionPut.model_validate(BODY | {"wanted": wanted.value, "reason": reason})
    assert put.command("acme").wanted == wanted.value


@pytest.mark.parametrize(
    "granted", [Entitlements(), Entitlements(sites=3, users=25, apps=("base", "crm"), storage_gb=25)]
)
def test_the_control_plane_takes_entitlements(granted: Entitlements) -> None:
    put = SubscriptionPut.model_validate(BODY | {"wanted": "run", "entitlements": granted.as_json()})
    assert put.entitlements is not None
    assert put.entitlements.model_dump() == granted.as_json()
