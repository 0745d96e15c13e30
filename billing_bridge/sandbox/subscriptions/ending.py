"""Ends: by request, by date, by plan or customer deletion; and planned changes that are called off."""

from datetime import datetime

from billing_bridge.sandbox.billing.invoicing import elapsed_line, issue
from billing_bridge.sandbox.errors import ValidationError
from billing_bridge.sandbox.model import Subscription
from billing_bridge.sandbox.rules.lifecycle import Status, Step
from billing_bridge.sandbox.work import Work


def mark_terminated(work: Work, subscription: Subscription, at: datetime) -> None:
    """End an active generation and say so; a planned change behind it that is no start is left to the caller."""
    subscription.apply(Step.TERMINATE)
    subscription.terminated_at = at
    work.emit("subscription.terminated", subscription)


def terminate(work: Work, subscription: Subscription) -> None:
    """End it for good, with a last invoice unless it was told to skip that.

    A planned change behind it is cancelled without a word. Raises ValidationError while a gated upgrade waits.
    """
    following = subscription.following
    if following is not None and following.state == Status.INCOMPLETE:
        raise ValidationError(subscription=["next_subscription_incomplete"])
    cancel_following(work, subscription)
    mark_terminated(work, subscription, work.now)
    if subscription.on_termination_invoice != "skip":
        issue(work, [elapsed_line(subscription, work.today, "subscription_terminating")])


def cancel_pending(work: Work, subscription: Subscription) -> None:
    """Call off a future start or a planned change: announced as ``terminated`` with the status ``canceled``."""
    _cancel(work, subscription)
    work.emit("subscription.terminated", subscription)
    previous = subscription.previous
    if previous is not None and previous.state == Status.ACTIVE:
        work.emit("subscription.updated", previous)


def cancel_silently(work: Work, subscription: Subscription) -> None:
    """Call it off and send nothing, as plan and customer deletions do."""
    _cancel(work, subscription)


def cancel_following(work: Work, subscription: Subscription) -> None:
    """Call off the planned change behind this one, if there is one, and send nothing."""
    following = subscription.following
    if following is not None and following.state == Status.PENDING:
        _cancel(work, following)


def _cancel(work: Work, subscription: Subscription) -> None:
    subscription.apply(Step.CANCEL)
    subscription.canceled_at = work.now
