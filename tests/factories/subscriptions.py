"""Builders of what the billing bridge observes."""

from datetime import datetime
from typing import Any

from press_app.billing.commands import ObserveSubscription


def make_observation(observed_at: datetime, **overrides: Any) -> ObserveSubscription:
    """One active subscription of Acme on Starter."""
    external_id = str(overrides.get("external_id", "acme"))
    values: dict[str, Any] = {
        "external_id": external_id,
        "customer_ref": f"customer-{external_id}",
        "customer_name": external_id.title(),
        "customer_email": f"owner@{external_id}.example",
        "home": {},
        "plan_code": "starter",
        "wanted": "run",
        "reason": None,
        "name": external_id,
        "entitlements": None,
        "lago_id": None,
        "observed_at": observed_at,
        **overrides,
    }
    return ObserveSubscription(**values)


UNPAID = {"code": "unpaid", "message": "Invoice INV-7 of 1 November is unpaid.", "invoices": ["lago-7"]}
TERMINATED = {"code": "terminated", "message": "The subscription was terminated.", "invoices": []}
