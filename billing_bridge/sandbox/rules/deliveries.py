"""A webhook's way to its endpoint: states, what counts as delivered, how long to wait."""

from enum import StrEnum


class DeliveryStep(StrEnum):
    """What can happen to a stored webhook."""

    DELIVER = "deliver"
    POSTPONE = "postpone"
    GIVE_UP = "give_up"
    RESEND = "resend"


OPEN = ("pending", "retrying")
"""These are sent when their moment comes."""

TRANSITIONS = {
    ("pending", DeliveryStep.DELIVER): "succeeded",
    ("pending", DeliveryStep.POSTPONE): "retrying",  # the first attempt failed
    ("pending", DeliveryStep.GIVE_UP): "failed",  # it was resent by hand, in vain
    ("retrying", DeliveryStep.DELIVER): "succeeded",
    ("retrying", DeliveryStep.POSTPONE): "retrying",
    ("retrying", DeliveryStep.GIVE_UP): "failed",  # the last attempt failed
    ("failed", DeliveryStep.RESEND): "pending",
    ("dropped", DeliveryStep.RESEND): "pending",  # lost on purpose, found again
    ("pending", DeliveryStep.RESEND): "pending",
    ("retrying", DeliveryStep.RESEND): "pending",  # no need to wait
}


def advance_delivery(state: str, step: DeliveryStep) -> str:
    """The state after ``step``. Raises ValueError where the step is not allowed."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise ValueError(f"a {state} webhook cannot {step}; nothing was changed") from None


SUCCESS = frozenset({200, 201, 202, 204})
"""203 and redirects are failures; redirects are not followed."""


def wait_seconds(attempt: int, jitter: float, scale: float) -> float:
    """Seconds after the failure of ``attempt`` (counted from 1); ``jitter`` is 0 to 1, ``scale`` multiplies all."""
    return (attempt**4 * (1 + 0.15 * jitter) + 2) * scale
