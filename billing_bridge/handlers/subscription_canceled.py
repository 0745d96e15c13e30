"""`subscription.canceled`: a gated start failed; the old plan may be live under the same external id."""

from billing_bridge.handlers.look import NOT_ENDED_YET, Look, Payload, at_subscription


def look(payload: Payload) -> Look:
    return at_subscription(payload, too_early=NOT_ENDED_YET)
