"""Keeps exactly one right webhook endpoint for this bridge in Lago."""

from enum import StrEnum

from billing_bridge.lago.port import LagoAdmin, WebhookEndpoint

ALGORITHM = "hmac"


class Registered(StrEnum):
    CREATED = "created"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"


def ensure_endpoint(
    lago: LagoAdmin, *, url: str, event_types: tuple[str, ...]
) -> tuple[Registered, WebhookEndpoint]:
    """Create or correct the endpoint with `url`; raises `LagoUnreadable` and then nothing is certain."""
    there = next((endpoint for endpoint in lago.list_webhook_endpoints() if endpoint.url == url), None)
    if there is None:
        return Registered.CREATED, lago.create_webhook_endpoint(url=url, event_types=event_types)
    if there.signature_algo == ALGORITHM and set(there.event_types) == set(event_types):
        return Registered.UNCHANGED, there
    corrected = lago.update_webhook_endpoint(there.lago_id, url=url, event_types=event_types)
    return Registered.CORRECTED, corrected
