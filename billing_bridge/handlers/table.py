"""Which handler belongs to which event type; what is not in this table is stored and ignored."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from billing_bridge.handlers import (
    customer_updated,
    feature_deleted,
    feature_updated,
    invoice_created,
    invoice_payment_failure,
    invoice_payment_overdue,
    invoice_payment_status_updated,
    invoice_voided,
    payment_succeeded,
    plan_deleted,
    plan_updated,
    subscription_canceled,
    subscription_incomplete,
    subscription_started,
    subscription_terminated,
    subscription_updated,
)
from billing_bridge.handlers.look import Look, Payload

HANDLERS: Mapping[str, Callable[[Payload], Look]] = MappingProxyType(
    {
        "subscription.started": subscription_started.look,
        "subscription.terminated": subscription_terminated.look,
        "subscription.canceled": subscription_canceled.look,
        "subscription.incomplete": subscription_incomplete.look,
        "subscription.updated": subscription_updated.look,
        "invoice.created": invoice_created.look,
        "invoice.voided": invoice_voided.look,
        "invoice.payment_status_updated": invoice_payment_status_updated.look,
        "invoice.payment_failure": invoice_payment_failure.look,
        "invoice.payment_overdue": invoice_payment_overdue.look,
        "payment.succeeded": payment_succeeded.look,
        "customer.updated": customer_updated.look,
        "plan.updated": plan_updated.look,
        "plan.deleted": plan_deleted.look,
        "feature.updated": feature_updated.look,
        "feature.deleted": feature_deleted.look,
    }
)

EVENT_TYPES = tuple(sorted(HANDLERS))
"""What the bridge subscribes to in Lago: exactly what it handles."""
