"""Scheduled work: what Lago's clock process does, run for one moment of the sandbox's clock."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from billing_bridge.sandbox import settlement
from billing_bridge.sandbox.billing.invoicing import (
    Line,
    current_period,
    elapsed_line,
    find_advance_fee,
    issue,
    starting_line,
)
from billing_bridge.sandbox.catalog import deletion
from billing_bridge.sandbox.errors import ValidationError
from billing_bridge.sandbox.model import Payment, Plan, Subscription
from billing_bridge.sandbox.rules.lifecycle import Status, is_in_trial, trial_end
from billing_bridge.sandbox.rules.periods import Period
from billing_bridge.sandbox.subscriptions import activation, ending
from billing_bridge.sandbox.timefmt import parse_moment, start_of
from billing_bridge.sandbox.work import Work

ALERT_DAYS = (45, 15)


def run_due(work: Work) -> None:
    """Everything that is due at ``work.now``."""
    deletion.run_deletions(work)
    _activate_future(work)
    for subscription in _list_active(work, Subscription.billed_through < work.today):
        _roll_period(work, subscription)
    for subscription in _list_active(work, Plan.trial_period > 0, Subscription.trial_ended_at.is_(None)):
        _end_trial(work, subscription)
    for subscription in _list_active(work, Subscription.ending_at.is_not(None)):
        _alert(work, subscription)
        _end_by_date(work, subscription)
    settlement.mark_overdue(work)
    settlement.time_out_gates(work)
    settlement.settle_due(work)


def find_next(work: Work, until: datetime) -> datetime:
    """The next moment after ``work.now`` at which something may be due, at most ``until``.

    Days matter to most of it, so every midnight is one; payments, trials and gates have moments of their own.
    """
    moments = [start_of(work.today + timedelta(days=1)), until]
    due = select(Payment.due_at).where(Payment.payment_status == "pending", Payment.due_at.is_not(None))
    moments += [moment for moment in work.session.scalars(due) if moment is not None]
    waiting = select(Subscription).where(Subscription.state == Status.INCOMPLETE)
    for subscription in [*work.session.scalars(waiting), *_list_active(work, Plan.trial_period > 0)]:
        moments += _own_moments(subscription)
    return min(moment for moment in moments if moment > work.now)


def _own_moments(subscription: Subscription) -> list[datetime]:
    moments = [
        parse_moment(rule["expires_at"], "expires_at")
        for rule in subscription.activation_rules
        if subscription.state == Status.INCOMPLETE and rule["expires_at"]
    ]
    if subscription.started_at and subscription.plan.trial_period:
        moments.append(trial_end(subscription.started_at, subscription.plan.trial_period))
    return moments


def _list_active(work: Work, *conditions: ColumnElement[bool]) -> list[Subscription]:
    query = select(Subscription).join(Subscription.plan)
    return list(work.session.scalars(query.where(Subscription.state == Status.ACTIVE, *conditions)))


def _activate_future(work: Work) -> None:
    pending = select(Subscription).where(
        Subscription.state == Status.PENDING, Subscription.previous_id.is_(None)
    )
    for subscription in list(work.session.scalars(pending)):
        if subscription.subscription_at.date() <= work.today:
            activation.begin(work, subscription, work.now)


def _roll_period(work: Work, subscription: Subscription) -> None:
    """At the end of a period: hand over to a planned change, or bill the period."""
    while subscription.billed_through is not None and subscription.billed_through < work.today:
        if subscription.state != Status.ACTIVE:
            return
        ended = subscription.billed_through
        following = subscription.following
        if following is not None and following.state == Status.PENDING:
            activation.begin(work, following, work.now)
            return
        first = ended + timedelta(days=1)
        subscription.billed_through = current_period(subscription, first).last
        _bill_period(
            work, subscription, ended_period=current_period(subscription, ended), first=start_of(first)
        )


def _bill_period(work: Work, subscription: Subscription, *, ended_period: Period, first: datetime) -> None:
    reason = "subscription_periodic"
    plan = subscription.plan
    if not plan.pay_in_advance:
        issue(work, [elapsed_line(subscription, ended_period.last, reason)])
    elif not is_in_trial(subscription.started_at or first, plan.trial_period, first):
        issue(work, [_whole_line(subscription, first, reason)])


def _whole_line(subscription: Subscription, first: datetime, reason: str) -> Line:
    return starting_line(subscription, first.date(), reason)


def _end_trial(work: Work, subscription: Subscription) -> None:
    days, started = subscription.plan.trial_period, subscription.started_at
    if not days or started is None or subscription.trial_ended_at or trial_end(started, days) > work.now:
        return
    subscription.trial_ended_at = trial_end(started, days)
    work.emit("subscription.trial_ended", subscription)
    if subscription.plan.pay_in_advance and find_advance_fee(work, subscription, work.today) is None:
        issue(work, [starting_line(subscription, work.today)])


def _alert(work: Work, subscription: Subscription) -> None:
    if subscription.ending_at is None:
        return
    ahead = (subscription.ending_at.date() - work.today).days
    if ahead in ALERT_DAYS and ahead not in subscription.alerts_sent:
        subscription.alerts_sent = [*subscription.alerts_sent, ahead]
        work.emit("subscription.termination_alert", subscription)


def _end_by_date(work: Work, subscription: Subscription) -> None:
    """The date must be today's: a day on which the clock did not run leaves the subscription alive for good."""
    if subscription.ending_at is None or subscription.ending_at.date() != work.today:
        return
    try:
        ending.terminate(work, subscription)
    except ValidationError:
        return
