"""Customers as the API shows them."""

from typing import Any

from billing_bridge.sandbox.model import Customer
from billing_bridge.sandbox.timefmt import iso

TEXTS = (
    "name", "firstname", "lastname", "customer_type", "country", "address_line1", "address_line2", "state", "zipcode",
    "email", "city", "url", "phone", "logo_url", "legal_name", "legal_number", "tax_identification_number",
)  # fmt: skip
ADDRESS = ("address_line1", "address_line2", "city", "zipcode", "state", "country")


def customer_object(customer: Customer) -> dict[str, Any]:
    """The object of customer answers, customer webhooks, and inside subscriptions and invoices."""
    details = customer.details
    return {
        "lago_id": customer.id,
        "billing_entity_code": "sandbox",
        "external_id": customer.external_id,
        "account_type": "customer",
        **{key: details.get(key) for key in TEXTS},
        "sequential_id": customer.sequential_id,
        "slug": f"SBX-{customer.sequential_id:03d}",
        "created_at": iso(customer.created_at),
        "updated_at": iso(customer.updated_at),
        "currency": customer.currency,
        "timezone": details.get("timezone"),
        "applicable_timezone": details.get("timezone") or "UTC",
        "net_payment_term": customer.net_payment_term,
        "external_salesforce_id": None,
        "finalize_zero_amount_invoice": details.get("finalize_zero_amount_invoice") or "inherit",
        "billing_configuration": _billing(customer),
        "shipping_address": {key: (details.get("shipping_address") or {}).get(key) for key in ADDRESS},
        "skip_invoice_custom_sections": bool(details.get("skip_invoice_custom_sections")),
        "metadata": list(customer.extra),
    }


def _billing(customer: Customer) -> dict[str, Any]:
    given = customer.billing
    configuration = {
        "invoice_grace_period": 0,
        "payment_provider": given.get("payment_provider"),
        "payment_provider_code": given.get("payment_provider_code"),
        "document_locale": given.get("document_locale"),
        "subscription_invoice_issuing_date_anchor": None,
        "subscription_invoice_issuing_date_adjustment": None,
    }
    if customer.provider is not None:
        configuration |= {
            "provider_customer_id": given.get("provider_customer_id"),
            "provider_payment_methods": given.get("provider_payment_methods") or ["card"],
            "sync_with_provider": bool(given.get("sync_with_provider")),
        }
    return configuration
