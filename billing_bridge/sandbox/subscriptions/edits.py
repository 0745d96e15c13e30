"""Changing a subscription's own fields, and what Lago says or does not say about it."""

from typing import Any

from billing_bridge.sandbox.errors import ForbiddenError, NotAllowedError, ValidationError
from billing_bridge.sandbox.model import Subscription
from billing_bridge.sandbox.rules.lifecycle import Status
from billing_bridge.sandbox.subscriptions import activation
from billing_bridge.sandbox.subscriptions.changes import KEPT_OPTIONS, apply_rules, check_rules
from billing_bridge.sandbox.timefmt import parse_moment
from billing_bridge.sandbox.work import Work

CREDIT_NOTES = ("credit", "refund", "offset", "skip")
LAST_INVOICES = ("generate", "skip")


def update_subscription(work: Work, subscription: Subscription, given: dict[str, Any]) -> None:
    """Apply the given fields. Moving a future start sends nothing while it stays in the future.

    Raises NotAllowedError while gated, ForbiddenError for premium fields, ValidationError on bad values.
    """
    if subscription.state == Status.INCOMPLETE:
        raise NotAllowedError("subscription_incomplete")
    if given.keys() & {"plan_overrides", "usage_thresholds"}:
        raise ForbiddenError
    _apply_ending(work, subscription, given)
    set_termination_options(subscription, given)
    if "name" in given:
        subscription.name = given["name"]
    subscription.options = subscription.options | {key: given[key] for key in KEPT_OPTIONS if key in given}
    if "activation_rules" in given:
        check_rules(subscription.customer, given["activation_rules"])
        apply_rules(work, subscription, given["activation_rules"] or [])
    if given.get("subscription_at") and _starts_later(subscription):
        _move_start(work, subscription, given["subscription_at"])
    else:
        work.emit("subscription.updated", subscription)


def set_termination_options(subscription: Subscription, given: dict[str, Any]) -> None:
    """Keep what is to happen at the end. Raises ValidationError on unknown words."""
    credit_note = given.get("on_termination_credit_note")
    if credit_note:
        if credit_note not in CREDIT_NOTES:
            raise ValidationError(on_termination_credit_note=["invalid_value"])
        if subscription.plan.pay_in_advance:
            subscription.on_termination_credit_note = credit_note
    last_invoice = given.get("on_termination_invoice")
    if last_invoice:
        if last_invoice not in LAST_INVOICES:
            raise ValidationError(on_termination_invoice=["invalid_value"])
        subscription.on_termination_invoice = last_invoice


def _apply_ending(work: Work, subscription: Subscription, given: dict[str, Any]) -> None:
    if "ending_at" not in given:
        return
    moment = parse_moment(given["ending_at"], "ending_at") if given["ending_at"] else None
    if moment is not None and moment.date() <= max(work.now, subscription.subscription_at).date():
        raise ValidationError(ending_at=["invalid_date"])
    subscription.ending_at = moment
    subscription.alerts_sent = []


def _starts_later(subscription: Subscription) -> bool:
    return subscription.state == Status.PENDING and subscription.previous_id is None


def _move_start(work: Work, subscription: Subscription, value: Any) -> None:
    """A start moved to today or the past happens now, and is told twice: started and updated."""
    starts = parse_moment(value, "subscription_at")
    subscription.subscription_at = starts
    if starts.date() > work.today:
        return
    if starts.date() == work.today:
        activation.begin(work, subscription, starts)
    else:
        apply_rules(work, subscription, [])
        activation.start(work, subscription, starts)
    if subscription.state == Status.ACTIVE:
        work.emit("subscription.updated", subscription)
