"""What the control plane must want by the published policy, read from Lago's own answers and from nothing of the bridge's.

The words of the policy: an active subscription runs unless a finalized invoice that bills it is failed or overdue; one that
waits for its start or its first payment is held; an id under which nothing active, pending or incomplete stands has ended.
"""

from dataclasses import dataclass
from typing import Any

BILLING = ("subscription", "advance_charges", "progressive_billing")
WAITING = ("pending", "incomplete")


@dataclass(frozen=True)
class Picture:
    """Everything that Lago shows: subscriptions of every status, and invoices in full."""

    subscriptions: list[dict[str, Any]]
    invoices: list[dict[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """What must be wanted; `must_be_known` False allows that the control plane never heard of the id."""

    wanted: str
    reason: str | None
    plan_code: str
    customer: str
    must_be_known: bool


def judge(picture: Picture, external_id: str) -> Verdict:
    """The verdict on an id that Lago knows."""
    named = [each for each in picture.subscriptions if each["external_id"] == external_id]
    active = [each for each in named if each["status"] == "active"]
    waiting = [each for each in named if each["status"] in WAITING]
    if active:
        live = max(active, key=lambda each: each["started_at"])
        unpaid = any(is_unpaid(invoice) and bills(invoice, live) for invoice in picture.invoices)
        wanted, reason = ("hold", "unpaid") if unpaid else ("run", None)
        return Verdict(wanted, reason, live["plan_code"], live["external_customer_id"], must_be_known=True)
    if waiting:
        next_one = max(waiting, key=lambda each: each["created_at"])
        return Verdict(
            "hold", "not_active", next_one["plan_code"], next_one["external_customer_id"], must_be_known=False
        )
    last = max(named, key=lambda each: each["terminated_at"] or each["canceled_at"])
    return Verdict("end", "terminated", last["plan_code"], last["external_customer_id"], must_be_known=False)


def is_unpaid(invoice: dict[str, Any]) -> bool:
    if invoice["status"] != "finalized" or invoice["payment_status"] == "succeeded":
        return False
    return bool(invoice["payment_status"] == "failed" or invoice["payment_overdue"])


def bills(invoice: dict[str, Any], live: dict[str, Any]) -> bool:
    """Whether it bills this subscription of this customer; a predecessor's debt under the same id counts."""
    return (
        invoice["invoice_type"] in BILLING
        and invoice["customer"]["lago_id"] == live["lago_customer_id"]
        and any(fee["external_subscription_id"] == live["external_id"] for fee in invoice["fees"])
    )


def read_limits(entitlements: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Lago's features in the words of the contract; None when there are none."""
    values = {
        feature["code"]: feature["privileges"][0]["value"]
        for feature in entitlements
        if feature["privileges"]
    }
    if not values:
        return None
    return {"sites": values.get("sites"), "users": values.get("users"), "apps": None, "storage_gb": None}
