"""`plan.deleted`: leaves before the terminations that it causes."""

from billing_bridge.handlers.look import Look, Payload, text


def look(payload: Payload) -> Look:
    return Look(plan=text(payload, "code"))
