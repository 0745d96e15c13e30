"""Builders of Lago's JSON, of its facts and of signed deliveries."""

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

from billing_bridge.policy import Generation, Invoice

HMAC_KEY = "6d0f3a4e-63a2-4e29-9a6e-1f5ad1f5d0c1"
ORGANIZATION = "org-1"


def make_subscription(external_id: str = "acme", **overrides: Any) -> dict[str, Any]:
    return {
        "lago_id": f"sub-{external_id}",
        "external_id": external_id,
        "lago_customer_id": "cus-1",
        "external_customer_id": "acme-inc",
        "name": external_id,
        "plan_code": "starter",
        "status": "active",
        "created_at": "2026-11-01T10:00:00.000Z",
        "started_at": "2026-11-01T10:00:00.000Z",
        "terminated_at": None,
        "canceled_at": None,
        "next_plan_code": None,
        "previous_plan_code": None,
        "subscription_at": "2026-11-01T10:00:00.000Z",
    } | overrides


def make_invoice(lago_id: str = "inv-1", *, external_id: str = "acme", **overrides: Any) -> dict[str, Any]:
    return {
        "lago_id": lago_id,
        "number": "INV-7",
        "invoice_type": "subscription",
        "status": "finalized",
        "payment_status": "failed",
        "payment_overdue": False,
        "issuing_date": "2026-11-01",
        "payment_due_date": "2026-11-01",
        "customer": {"lago_id": "cus-1", "external_id": "acme-inc"},
        "fees": [{"external_subscription_id": external_id, "lago_customer_id": "cus-1"}],
    } | overrides


def make_customer(external_id: str = "acme-inc", **overrides: Any) -> dict[str, Any]:
    return {
        "lago_id": "cus-1",
        "external_id": external_id,
        "name": "Acme",
        "email": "owner@acme.example",
    } | overrides


def make_features(sites: int = 1, users: int = 5, apps: str = "base", gb: int = 5) -> list[dict[str, Any]]:
    values: dict[str, tuple[str, Any]] = {
        "sites": ("max", sites),
        "users": ("max", users),
        "apps": ("list", apps),
        "storage": ("gb", gb),
    }
    return [
        {"code": code, "name": code, "privileges": [{"code": privilege, "value": value}]}
        for code, (privilege, value) in values.items()
    ]


def make_plan(code: str = "starter", **limits: Any) -> dict[str, Any]:
    return {"lago_id": f"plan-{code}", "code": code, "entitlements": make_features(**limits)}


def make_generation(**overrides: Any) -> Generation:
    facts: dict[str, Any] = {
        "lago_id": "sub-1",
        "external_id": "acme",
        "status": "active",
        "lago_customer_id": "cus-1",
        "external_customer_id": "acme-inc",
        "plan_code": "starter",
    }
    return Generation(**facts | overrides)


def make_debt(**overrides: Any) -> Invoice:
    facts: dict[str, Any] = {
        "lago_id": "inv-1",
        "number": "INV-7",
        "invoice_type": "subscription",
        "status": "finalized",
        "payment_status": "failed",
        "payment_overdue": False,
        "lago_customer_id": "cus-1",
        "external_customer_id": "acme-inc",
        "subscriptions": frozenset({"acme"}),
    }
    return Invoice(**facts | overrides)


def make_body(webhook_type: str = "subscription.started", payload: dict[str, Any] | None = None) -> bytes:
    object_type = webhook_type.split(".", maxsplit=1)[0]
    body = {
        "webhook_type": webhook_type,
        "object_type": object_type,
        "organization_id": ORGANIZATION,
        object_type: make_subscription() if payload is None else payload,
    }
    return json.dumps(body).encode()


def sign(raw: bytes, *, key: str = HMAC_KEY, unique_key: str | None = None) -> dict[str, str]:
    """The headers that Lago sends with `raw`."""
    digest = hmac.new(key.encode(), raw, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-Lago-Signature": base64.b64encode(digest).decode(),
        "X-Lago-Signature-Algorithm": "hmac",
        "X-Lago-Unique-Key": unique_key or str(uuid.uuid4()),
    }
