"""`invoice.voided`: a voided invoice stays failed in Lago, yet holds nothing any more."""

from billing_bridge.handlers.look import Look, Payload, at_invoice


def look(payload: Payload) -> Look:
    return at_invoice(payload)
