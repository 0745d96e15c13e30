"""`invoice.created`: a zero amount arrives paid and never sends a status change."""

from billing_bridge.handlers.look import Look, Payload, at_invoice


def look(payload: Payload) -> Look:
    return at_invoice(payload)
