"""`subscription.incomplete`: a start waits for its payment; alone it makes no site."""

from billing_bridge.handlers.look import Look, Payload, at_subscription


def look(payload: Payload) -> Look:
    return at_subscription(payload)
