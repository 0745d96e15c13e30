"""`subscription.updated`: a pending change, an override or a name; sent even when nothing changed."""

from billing_bridge.handlers.look import Look, Payload, at_subscription


def look(payload: Payload) -> Look:
    return at_subscription(payload)
