"""`plan.updated`: one event for all subscriptions of the plan."""

from billing_bridge.handlers.look import Look, Payload, text


def look(payload: Payload) -> Look:
    return Look(plan=text(payload, "code"))
