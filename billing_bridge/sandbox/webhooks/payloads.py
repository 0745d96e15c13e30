"""Bodies of webhooks: which object a type carries, and which parts are nested in it."""

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from billing_bridge.sandbox.config import Settings
from billing_bridge.sandbox.model import Customer, Feature, Invoice, Payment, Plan, Subscription
from billing_bridge.sandbox.outbox import Webhook
from billing_bridge.sandbox.serializers.customer import customer_object
from billing_bridge.sandbox.serializers.invoice import (
    invoice_object,
    part_of_invoice,
    payment_failure_object,
    payment_object,
)
from billing_bridge.sandbox.serializers.plan import (
    feature_object,
    nested_plan,
    plan_object,
    subscription_entitlements,
)
from billing_bridge.sandbox.serializers.subscription import subscription_object

FULL_INVOICE = ("customer", "subscriptions", "billing_periods", "fees", "credits", "applied_taxes")
INVOICE_PARTS = {
    "invoice.created": (*FULL_INVOICE, "applied_invoice_custom_sections"),
    "invoice.one_off_created": ("customer", "fees", "applied_taxes", "applied_invoice_custom_sections"),
    "invoice.generated": ("customer",),
    "invoice.voided": FULL_INVOICE,
    "invoice.payment_status_updated": ("customer", "fees"),
    "invoice.payment_overdue": ("customer", "fees", "applied_taxes"),
}
WITH_ENTITLEMENTS = ("subscription.started", "subscription.updated")
REST = (
    "customer.created", "customer.updated", "customer.payment_provider_created", "customer.payment_provider_error",
    "customer.checkout_url_generated", "feature.created", "feature.updated", "feature.deleted",
    "invoice.payment_failure", "payment.succeeded", "plan.created", "plan.updated", "plan.deleted",
    "subscription.started", "subscription.updated", "subscription.terminated", "subscription.canceled",
    "subscription.incomplete", "subscription.termination_alert", "subscription.trial_ended",
)  # fmt: skip
SENT_TYPES = tuple(sorted({*INVOICE_PARTS, *REST}))
"""Every type the sandbox can send."""

Built = tuple[str, dict[str, Any]]


def build_payload(session: Session, webhook: Webhook, settings: Settings, today: date) -> dict[str, Any]:
    """The envelope with the object as it stands now, not as it stood when the event was stored."""
    kind = webhook.webhook_type.split(".", 1)[0]
    object_type, body = _BUILDERS[kind](session, webhook, settings, today)
    return {
        "webhook_type": webhook.webhook_type,
        "object_type": object_type,
        "organization_id": settings.organization_id,
        object_type: body,
    }


def _customer(session: Session, webhook: Webhook, settings: Settings, _today: date) -> Built:
    customer = session.get_one(Customer, webhook.object_id)
    ids = {"lago_customer_id": customer.id, "external_customer_id": customer.external_id}
    provider = {
        "payment_provider": customer.provider,
        "payment_provider_code": customer.billing.get("payment_provider_code"),
    }
    if webhook.webhook_type == "customer.checkout_url_generated":
        url = f"{settings.issuer}/sandbox/checkout/{customer.id}"
        return "payment_provider_customer_checkout_url", ids | provider | {"checkout_url": url}
    if webhook.webhook_type == "customer.payment_provider_error":
        return "payment_provider_customer_error", ids | provider | {
            "provider_error": webhook.options["provider_error"]
        }
    return "customer", customer_object(customer)


def _feature(session: Session, webhook: Webhook, _settings: Settings, _today: date) -> Built:
    return "feature", feature_object(session.get_one(Feature, webhook.object_id))


def _plan(session: Session, webhook: Webhook, _settings: Settings, _today: date) -> Built:
    plan = session.get_one(Plan, webhook.object_id)
    return "plan", plan_object(session, plan, entitlements=webhook.webhook_type != "plan.deleted")


def _subscription(session: Session, webhook: Webhook, _settings: Settings, today: date) -> Built:
    subscription = session.get_one(Subscription, webhook.object_id)
    body = subscription_object(subscription, today)
    body |= {"plan": nested_plan(subscription.plan), "customer": customer_object(subscription.customer)}
    if webhook.webhook_type in WITH_ENTITLEMENTS:
        body["entitlements"] = subscription_entitlements(session, subscription)
    return "subscription", body


def _invoice(session: Session, webhook: Webhook, settings: Settings, today: date) -> Built:
    invoice = session.get_one(Invoice, webhook.object_id)
    if webhook.webhook_type == "invoice.payment_failure":
        return "payment_provider_invoice_payment_error", payment_failure_object(invoice, webhook.options)
    body = invoice_object(invoice, settings.issuer)
    for part in INVOICE_PARTS[webhook.webhook_type]:
        body[part] = part_of_invoice(session, invoice, part, today)
    return "invoice", body


def _payment(session: Session, webhook: Webhook, _settings: Settings, _today: date) -> Built:
    return "payment", payment_object(session.get_one(Payment, webhook.object_id)) | {"payment_method": None}


_BUILDERS: dict[str, Callable[[Session, Webhook, Settings, date], Built]] = {
    "customer": _customer,
    "feature": _feature,
    "plan": _plan,
    "subscription": _subscription,
    "invoice": _invoice,
    "payment": _payment,
}
