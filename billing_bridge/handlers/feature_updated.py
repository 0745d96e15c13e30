"""`feature.updated`: an override-only feature is announced by nothing else, so everything is read."""

from billing_bridge.handlers.look import Look, Payload


def look(payload: Payload) -> Look:
    del payload
    return Look(everything=True)
