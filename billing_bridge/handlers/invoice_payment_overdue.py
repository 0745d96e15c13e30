"""`invoice.payment_overdue`: the due date passed; only the fees name the subscriptions."""

from billing_bridge.handlers.look import Look, Payload, at_invoice


def look(payload: Payload) -> Look:
    return at_invoice(payload)
