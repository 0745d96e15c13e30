"""`subscription.started`: a generation began; also after every plan change, under the same external id."""

from billing_bridge.handlers.look import NOT_LIVE_YET, Look, Payload, at_subscription


def look(payload: Payload) -> Look:
    return at_subscription(payload, too_early=NOT_LIVE_YET)
