"""Subscriptions as the API shows them."""

from datetime import date, timedelta
from typing import Any

from billing_bridge.sandbox.billing.invoicing import current_period
from billing_bridge.sandbox.model import Subscription
from billing_bridge.sandbox.rules.lifecycle import Status
from billing_bridge.sandbox.timefmt import end_of, iso, iso_ms, start_of


def subscription_object(subscription: Subscription, today: date) -> dict[str, Any]:
    """The object without nested parts; ``today`` picks the current billing period."""
    options, following, plan = subscription.options, subscription.following, subscription.plan
    customer = subscription.customer
    return {
        "lago_id": subscription.id,
        "external_id": subscription.external_id,
        "lago_customer_id": customer.id,
        "external_customer_id": customer.external_id,
        "name": subscription.name,
        "plan_code": plan.code,
        "plan_amount_cents": plan.amount_cents,
        "plan_amount_currency": plan.amount_currency,
        "status": subscription.state,
        "billing_time": subscription.billing_time,
        "subscription_at": iso(subscription.subscription_at),
        "started_at": iso_ms(subscription.started_at),
        "trial_ended_at": iso(subscription.trial_ended_at),
        "ending_at": iso(subscription.ending_at),
        "terminated_at": iso(subscription.terminated_at),
        "canceled_at": iso(subscription.canceled_at),
        "created_at": iso(subscription.created_at),
        "activated_at": iso(subscription.activated_at),
        "previous_plan_code": subscription.previous.plan.code if subscription.previous else None,
        "next_plan_code": following.plan.code if following else None,
        **_period(subscription, today),
        "on_termination_credit_note": subscription.on_termination_credit_note,
        "on_termination_invoice": subscription.on_termination_invoice,
        "progressive_billing_disabled": bool(options.get("progressive_billing_disabled")),
        "consolidate_invoice": options.get("consolidate_invoice", True) is not False,
        "purchase_order_number": options.get("purchase_order_number"),
        "cancellation_reason": subscription.cancellation_reason,
        "payment_method": {
            "payment_method_id": (options.get("payment_method") or {}).get("payment_method_id"),
            "payment_method_type": (options.get("payment_method") or {}).get("payment_method_type")
            or "provider",
        },
        "activation_rules": [dict(rule) for rule in subscription.activation_rules],
    }


def _period(subscription: Subscription, today: date) -> dict[str, Any]:
    """Only a running subscription has a current period, and only a planned downgrade a date."""
    running = subscription.state == Status.ACTIVE and subscription.started_at is not None
    period = current_period(subscription, today) if running else None
    following = subscription.following
    planned = period is not None and following is not None and following.state == Status.PENDING
    return {
        "downgrade_plan_date": (period.last + timedelta(days=1)).isoformat() if period and planned else None,
        "current_billing_period_started_at": iso(start_of(period.first)) if period else None,
        "current_billing_period_ending_at": iso(end_of(period.last)) if period else None,
    }
