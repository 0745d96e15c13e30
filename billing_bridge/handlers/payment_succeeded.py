"""`payment.succeeded`: a provider confirmed later; the invoices it paid are named by id."""

from billing_bridge.handlers.look import Look, Payload


def look(payload: Payload) -> Look:
    ids = payload.get("invoice_ids")
    return Look(invoices=tuple(i for i in ids if isinstance(i, str) and i) if isinstance(ids, list) else ())
