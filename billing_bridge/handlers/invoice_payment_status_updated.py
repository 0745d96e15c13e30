"""`invoice.payment_status_updated`: paid or failed; only the fees name the subscriptions."""

from billing_bridge.handlers.look import Look, Payload, at_invoice


def look(payload: Payload) -> Look:
    return at_invoice(payload)
