"""Posting a subscription: a new one, the same one again, an upgrade, a downgrade."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from billing_bridge.sandbox.errors import ForbiddenError, ValidationError
from billing_bridge.sandbox.model import Customer, Plan, Subscription
from billing_bridge.sandbox.rules.lifecycle import (
    Change,
    Status,
    decide_change,
    yearly_amount_cents,
)
from billing_bridge.sandbox.subscriptions import activation
from billing_bridge.sandbox.subscriptions.ending import cancel_following
from billing_bridge.sandbox.timefmt import parse_moment
from billing_bridge.sandbox.work import Work

KEPT_OPTIONS = (
    "payment_method",
    "consolidate_invoice",
    "purchase_order_number",
    "progressive_billing_disabled",
)
BILLING_TIMES = ("calendar", "anniversary")


def post_subscription(work: Work, customer: Customer, plan: Plan, given: dict[str, Any]) -> Subscription:
    """Create or change; answers the generation that Lago would answer (a downgrade: the one still running).

    Raises ValidationError and ForbiddenError with Lago's codes; nothing is changed then.
    """
    if "plan_overrides" in given:
        raise ForbiddenError
    moments = _check(work, customer, given)
    external_id = str(given.get("external_id") or "").strip()
    if not external_id:
        raise ValidationError(external_id=["value_is_mandatory"])
    _refuse_while_incomplete(work, customer, external_id)
    current = _find_current(work, customer, external_id)
    if current is None:
        _refuse_foreign(work, external_id)
        return _create(work, customer, plan, external_id, given, moments)
    change = decide_change(
        same_plan=current.plan_id == plan.id,
        starts_later=current.state == Status.PENDING,
        current_yearly=yearly_amount_cents(current.plan.amount_cents, current.plan.interval),
        new_yearly=yearly_amount_cents(plan.amount_cents, plan.interval),
    )
    return _change(work, current, plan, change, given)


def _check(work: Work, customer: Customer, given: dict[str, Any]) -> dict[str, datetime]:
    """Parse the moments and look at the closed lists."""
    moments = {
        field: parse_moment(given[field], field)
        for field in ("subscription_at", "ending_at")
        if given.get(field)
    }
    if given.get("billing_time") not in (None, *BILLING_TIMES):
        raise ValidationError(billing_time=["value_is_invalid"])
    starts = moments.get("subscription_at", work.now)
    if "ending_at" in moments and moments["ending_at"].date() <= max(starts, work.now).date():
        raise ValidationError(ending_at=["invalid_date"])
    check_rules(customer, given.get("activation_rules"))
    return moments


def check_rules(customer: Customer, rules: Any) -> None:
    """Only payment rules, and only for a customer that can be charged."""
    if not rules:
        return
    for rule in rules:
        hours = rule.get("timeout_hours", 0)
        if rule.get("type") != "payment":
            raise ValidationError(activation_rules=["invalid_type"])
        if not isinstance(hours, int) or hours < 0:
            raise ValidationError(activation_rules=["invalid_timeout_hours"])
    if customer.provider is None:
        raise ValidationError(activation_rules=["no_linked_payment_provider"])


def _refuse_while_incomplete(work: Work, customer: Customer, external_id: str) -> None:
    waiting = select(Subscription.id).where(
        Subscription.customer_id == customer.id,
        Subscription.external_id == external_id,
        Subscription.state == Status.INCOMPLETE,
    )
    if work.session.scalar(waiting):
        raise ValidationError(subscription=["subscription_incomplete"])


def _refuse_foreign(work: Work, external_id: str) -> None:
    active = select(Subscription.id).where(
        Subscription.external_id == external_id, Subscription.state == Status.ACTIVE
    )
    if work.session.scalar(active):
        raise ValidationError(external_id=["value_already_exist"])


def _find_current(work: Work, customer: Customer, external_id: str) -> Subscription | None:
    """The running generation, or a future start; planned changes are found through the running one."""
    mine = work.session.scalars(
        select(Subscription).where(
            Subscription.customer_id == customer.id,
            Subscription.external_id == external_id,
            Subscription.state.in_((Status.ACTIVE, Status.PENDING)),
        )
    ).all()
    active = [each for each in mine if each.state == Status.ACTIVE]
    future = [each for each in mine if each.state == Status.PENDING and each.previous_id is None]
    return next(iter(active + future), None)


def _create(
    work: Work,
    customer: Customer,
    plan: Plan,
    external_id: str,
    given: dict[str, Any],
    moments: dict[str, datetime],
) -> Subscription:
    starts = moments.get("subscription_at", work.now)
    subscription = Subscription(
        external_id=external_id,
        customer=customer,
        plan=plan,
        name=_name(given),
        state=Status.PENDING,
        billing_time=given.get("billing_time") or "calendar",
        subscription_at=starts,
        ending_at=moments.get("ending_at"),
        created_at=work.now,
        on_termination_credit_note="credit" if plan.pay_in_advance else None,
        options={key: given[key] for key in KEPT_OPTIONS if key in given},
    )
    work.session.add(subscription)
    customer.currency = customer.currency or plan.amount_currency
    work.session.flush()
    if starts.date() < work.today:
        # A start in the past is neither gated nor billed; it is cut at the id's last billed end.
        activation.start(work, subscription, _cut(work, subscription, starts))
        return subscription
    apply_rules(work, subscription, given.get("activation_rules"))
    if starts.date() == work.today:
        activation.begin(work, subscription, starts)
    return subscription


def _name(given: dict[str, Any]) -> str:
    """A change that gives no name loses the old one: Lago takes an empty text then."""
    return str(given.get("name") or "").strip()


def _cut(work: Work, subscription: Subscription, starts: datetime) -> datetime:
    ended = select(Subscription.terminated_at).where(
        Subscription.external_id == subscription.external_id, Subscription.terminated_at.is_not(None)
    )
    return max([starts, *(moment for moment in work.session.scalars(ended) if moment is not None)])


def _change(
    work: Work, current: Subscription, plan: Plan, change: Change, given: dict[str, Any]
) -> Subscription:
    if change == Change.NONE:
        return current
    if change == Change.EDIT:
        current.plan = plan
        current.name = _name(given) or current.name
        return current
    cancel_following(work, current)
    following = Subscription(
        external_id=current.external_id,
        customer=current.customer,
        plan=plan,
        previous=current,
        name=_name(given),
        state=Status.PENDING,
        billing_time=current.billing_time,
        subscription_at=current.subscription_at,
        ending_at=current.ending_at,
        created_at=work.now,
        on_termination_credit_note="credit" if plan.pay_in_advance else None,
        options={key: given[key] for key in KEPT_OPTIONS if key in given},
    )
    work.session.add(following)
    work.session.flush()
    if change == Change.DOWNGRADE:
        work.emit("subscription.updated", current)
        return current
    apply_rules(work, following, given.get("activation_rules"))
    activation.begin(work, following, work.now)
    return following


def apply_rules(work: Work, subscription: Subscription, rules: Any) -> None:
    """Replace the subscription's activation rules; None leaves them."""
    if rules is not None:
        subscription.activation_rules = [
            activation.new_rule(work, rule.get("timeout_hours", 0)) for rule in rules
        ]
