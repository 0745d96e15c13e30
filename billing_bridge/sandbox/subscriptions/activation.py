"""Starts: at once, on their day, or after the first payment."""

from datetime import datetime, timedelta

from billing_bridge.sandbox.billing.invoicing import (
    Line,
    current_period,
    elapsed_line,
    issue,
    publish,
    starting_line,
    unused_credit_cents,
)
from billing_bridge.sandbox.model import Invoice, Subscription, new_id
from billing_bridge.sandbox.rules.invoices import InvoiceStep
from billing_bridge.sandbox.rules.lifecycle import Step, is_in_trial
from billing_bridge.sandbox.subscriptions.ending import mark_terminated
from billing_bridge.sandbox.timefmt import iso
from billing_bridge.sandbox.work import Work


def begin(work: Work, subscription: Subscription, at: datetime) -> None:
    """Start a pending subscription as of ``at``, or hold it for its first payment where a rule asks for that."""
    pays_now = bills_in_advance(work, subscription, at)
    if subscription.activation_rules and pays_now:
        _gate(work, subscription, at)
        return
    _set_rule(work, subscription, "not_applicable")
    previous = subscription.previous
    if previous is not None:
        mark_terminated(work, previous, work.now)
    start(work, subscription, at)
    _bill_start(work, subscription, pays_now=pays_now, hidden=False)


def start(work: Work, subscription: Subscription, at: datetime) -> None:
    """Make it active and say so; bills nothing."""
    subscription.apply(Step.START)
    subscription.started_at = at
    subscription.activated_at = work.now
    subscription.billed_through = current_period(subscription, max(at, work.now).date()).last
    work.emit("subscription.started", subscription)


def finish_gate(work: Work, subscription: Subscription, invoice: Invoice) -> None:
    """The first payment arrived: the old generation ends, this one runs, its invoice becomes visible."""
    _set_rule(work, subscription, "satisfied")
    if subscription.previous is not None:
        mark_terminated(work, subscription.previous, work.now)
    start(work, subscription, work.now)
    invoice.payment_status = "succeeded"
    invoice.total_paid_amount_cents = invoice.total_amount_cents
    publish(work, invoice, "invoice.created")


def fail_gate(work: Work, subscription: Subscription, invoice: Invoice | None, reason: str) -> None:
    """The first payment failed or took too long: canceled; a live generation before it is not touched."""
    _set_rule(work, subscription, "expired" if reason == "timeout" else "failed")
    if invoice is not None:
        invoice.apply(InvoiceStep.CLOSE)
    subscription.apply(Step.CANCEL)
    subscription.canceled_at = work.now
    subscription.cancellation_reason = reason
    work.emit("subscription.canceled", subscription)


def bills_in_advance(work: Work, subscription: Subscription, at: datetime) -> bool:
    """Whether the start itself is billed."""
    plan = subscription.plan
    return plan.pay_in_advance and not is_in_trial(at, plan.trial_period, max(at, work.now))


def _gate(work: Work, subscription: Subscription, at: datetime) -> None:
    subscription.apply(Step.GATE)
    subscription.started_at = at
    _set_rule(work, subscription, "pending")
    work.emit("subscription.incomplete", subscription)
    _bill_start(work, subscription, pays_now=True, hidden=True)


def _bill_start(work: Work, subscription: Subscription, *, pays_now: bool, hidden: bool) -> None:
    """One invoice names both generations of a plan change."""
    lines: list[Line] = []
    credit = 0
    previous = subscription.previous
    if previous is not None:
        lines.append(elapsed_line(previous, work.today - timedelta(days=1), "subscription_terminating"))
        credit = unused_credit_cents(work, previous, work.today)
    if pays_now:
        lines.append(starting_line(subscription, work.today))
    if lines:
        issue(work, lines, credit_cents=credit, hidden=hidden)


def _set_rule(work: Work, subscription: Subscription, status: str) -> None:
    subscription.activation_rules = [
        rule
        | {
            "status": status,
            "updated_at": iso(work.now),
            "expires_at": _expiry(work, rule) if status == "pending" else rule["expires_at"],
        }
        for rule in subscription.activation_rules
    ]


def _expiry(work: Work, rule: dict[str, object]) -> str | None:
    hours = int(str(rule["timeout_hours"]))
    return iso(work.now + timedelta(hours=hours)) if hours else None


def new_rule(work: Work, timeout_hours: int) -> dict[str, object]:
    """A payment rule that has not been looked at yet; 0 hours wait for ever."""
    return {
        "lago_id": new_id(),
        "type": "payment",
        "timeout_hours": timeout_hours,
        "status": "inactive",
        "expires_at": None,
        "created_at": iso(work.now),
        "updated_at": iso(work.now),
    }
