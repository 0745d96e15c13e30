"""`invoice.payment_failure`: an attempt was refused; proves nothing and names only the invoice."""

from billing_bridge.handlers.look import Look, Payload, text


def look(payload: Payload) -> Look:
    lago_id = text(payload, "lago_invoice_id")
    return Look(invoices=(lago_id,) if lago_id else ())
