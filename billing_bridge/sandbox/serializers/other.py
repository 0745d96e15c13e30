"""Usage events and webhook endpoints as the API shows them."""

from typing import Any

from billing_bridge.sandbox.model import UsageEvent
from billing_bridge.sandbox.outbox import Endpoint
from billing_bridge.sandbox.timefmt import iso, iso_ms


def event_object(event: UsageEvent) -> dict[str, Any]:
    """A usage event; Lago fills the two lago ids later, if at all."""
    return {
        "lago_id": event.id,
        "transaction_id": event.transaction_id,
        "lago_customer_id": None,
        "code": event.code,
        "timestamp": iso_ms(event.timestamp),
        "precise_total_amount_cents": event.precise_total_amount_cents,
        "properties": dict(event.properties),
        "lago_subscription_id": None,
        "external_subscription_id": event.external_subscription_id,
        "created_at": iso(event.created_at),
    }


def endpoint_object(endpoint: Endpoint, organization_id: str) -> dict[str, Any]:
    """Where webhooks go, and how they are signed."""
    return {
        "lago_id": endpoint.id,
        "lago_organization_id": organization_id,
        "webhook_url": endpoint.webhook_url,
        "signature_algo": endpoint.signature_algo,
        "name": endpoint.name,
        "event_types": endpoint.event_types,
        "created_at": iso(endpoint.created_at),
    }
