"""`subscription.terminated`: a generation ended; also the old half of a plan change and a cancelled pending change."""

from billing_bridge.handlers.look import NOT_ENDED_YET, Look, Payload, at_subscription


def look(payload: Payload) -> Look:
    return at_subscription(payload, too_early=NOT_ENDED_YET)
