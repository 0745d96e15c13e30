"""Subscription rules that need nothing but their arguments: states, plan changes, who may be ended."""

from datetime import datetime, timedelta
from enum import StrEnum

YEARLY_FACTOR = {"weekly": 52, "monthly": 12, "quarterly": 4, "semiannual": 2, "yearly": 1}


class Status(StrEnum):
    """Where one generation of a subscription stands."""

    PENDING = "pending"
    INCOMPLETE = "incomplete"
    ACTIVE = "active"
    TERMINATED = "terminated"
    CANCELED = "canceled"


class Step(StrEnum):
    """What can happen to it."""

    GATE = "gate"
    START = "start"
    TERMINATE = "terminate"
    CANCEL = "cancel"


TRANSITIONS = {
    (Status.PENDING, Step.GATE): Status.INCOMPLETE,  # waits for its first payment
    (Status.PENDING, Step.START): Status.ACTIVE,  # its day has come, or it starts at once
    (Status.PENDING, Step.CANCEL): Status.CANCELED,  # a future start or a planned change is called off
    (Status.INCOMPLETE, Step.START): Status.ACTIVE,  # the first payment arrived
    (Status.INCOMPLETE, Step.CANCEL): Status.CANCELED,  # the first payment failed or took too long
    (Status.ACTIVE, Step.TERMINATE): Status.TERMINATED,  # ended by request, by date, or by a plan change
}


class Change(StrEnum):
    """What posting an existing external_id means."""

    NONE = "none"
    EDIT = "edit"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"


def advance(status: str, step: Step) -> Status:
    """The state after ``step``. Raises ValueError where the step is not allowed."""
    try:
        return TRANSITIONS[Status(status), step]
    except KeyError:
        raise ValueError(f"a {status} subscription cannot {step}; nothing was changed") from None


def yearly_amount_cents(amount_cents: int, interval: str) -> int:
    """What a plan costs in a year, in cents; plan changes are judged by it."""
    return amount_cents * YEARLY_FACTOR[interval]


def decide_change(*, same_plan: bool, starts_later: bool, current_yearly: int, new_yearly: int) -> Change:
    """Equal yearly amounts count as an upgrade; one that has not started yet is edited in place."""
    if same_plan:
        return Change.NONE
    if starts_later:
        return Change.EDIT
    return Change.UPGRADE if new_yearly >= current_yearly else Change.DOWNGRADE


def trial_end(started_at: datetime, trial_days: float) -> datetime:
    """When the free days are over."""
    return started_at + timedelta(days=trial_days)


def is_in_trial(started_at: datetime, trial_days: float, now: datetime) -> bool:
    """Whether nothing is billed in advance yet."""
    return trial_days > 0 and now < trial_end(started_at, trial_days)
