"""`customer.updated`: name or mail changed; every subscription of the customer carries them."""

from billing_bridge.handlers.look import Look, Payload, text


def look(payload: Payload) -> Look:
    return Look(customer=text(payload, "external_id"))
