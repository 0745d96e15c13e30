"""Customers: made or changed by one call, linked to a pretended payment provider when asked."""

import re
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.errors import NotFoundError, ValidationError
from billing_bridge.sandbox.model import Customer, new_id
from billing_bridge.sandbox.timefmt import iso
from billing_bridge.sandbox.work import Work

DETAILS = (
    "name", "firstname", "lastname", "email", "phone", "url", "logo_url", "legal_name", "legal_number",
    "tax_identification_number", "customer_type", "address_line1", "address_line2", "city", "zipcode", "state",
    "country", "timezone", "shipping_address", "finalize_zero_amount_invoice", "skip_invoice_custom_sections",
)  # fmt: skip
PROVIDERS = ("stripe", "adyen", "gocardless", "cashfree", "flutterwave", "moneyhash")
COUNTRY = re.compile(r"[A-Z]{2}")
CURRENCY = re.compile(r"[A-Z]{3}")
MAX_METADATA = 5
MAX_KEY = 20
MAX_VALUE = 100


def upsert_customer(work: Work, given: dict[str, Any]) -> Customer:
    """Make the customer, or change the given fields of the one that has this external_id.

    Raises ValidationError with Lago's codes.
    """
    external_id = str(given.get("external_id") or "").strip()
    if not external_id:
        raise ValidationError(external_id=["value_is_mandatory"])
    _check(given)
    customer = find_customer(work.session, external_id)
    is_new = customer is None
    if customer is None:
        customer = make_customer(work, external_id)
    linked = customer.provider
    _apply(work, customer, given)
    work.emit("customer.created" if is_new else "customer.updated", customer)
    if customer.provider and customer.provider != linked:
        _link(work, customer)
    return customer


def make_customer(work: Work, external_id: str) -> Customer:
    """A bare customer; the subscription endpoint makes unknown ones this way and tells nobody."""
    highest = work.session.scalar(select(func.max(Customer.sequential_id))) or 0
    customer = Customer(
        external_id=external_id,
        sequential_id=highest + 1,
        details={},
        billing={},
        extra=[],
        created_at=work.now,
        updated_at=work.now,
    )
    work.session.add(customer)
    work.session.flush()
    return customer


def find_customer(session: Session, external_id: str) -> Customer | None:
    """The living customer of this id, if there is one."""
    return session.scalar(
        select(Customer).where(Customer.external_id == external_id, Customer.deleted_at.is_(None))
    )


def get_customer(session: Session, external_id: str) -> Customer:
    """The living customer of this id. Raises NotFoundError."""
    customer = find_customer(session, external_id)
    if customer is None:
        raise NotFoundError("customer")
    return customer


def checkout_url(work: Work, customer: Customer) -> str:
    """Where the customer would type a card number. Raises ValidationError without a provider."""
    if customer.provider is None:
        raise ValidationError(base=["no_linked_payment_provider"])
    return f"{work.settings.issuer}/sandbox/checkout/{customer.id}"


def _check(given: dict[str, Any]) -> None:
    provider = (given.get("billing_configuration") or {}).get("payment_provider")
    if provider and provider not in PROVIDERS:
        raise ValidationError(payment_provider=["value_is_invalid"])
    _check_home(given)
    entries = given.get("metadata") or []
    if len(entries) > MAX_METADATA:
        raise ValidationError(metadata=["invalid_count"])
    for entry in entries:
        if len(str(entry.get("key", ""))) > MAX_KEY or len(str(entry.get("value", ""))) > MAX_VALUE:
            raise ValidationError(metadata=["invalid_key_value_length"])


def _check_home(given: dict[str, Any]) -> None:
    """Country, currency and time zone are codes that somebody else reads."""
    for key, code in (("country", COUNTRY), ("currency", CURRENCY)):
        if given.get(key) and code.fullmatch(str(given[key])) is None:
            raise ValidationError(**{key: ["value_is_invalid"]})
    if given.get("timezone") and given["timezone"] not in available_timezones():
        raise ValidationError(timezone=["value_is_invalid"])


def _apply(work: Work, customer: Customer, given: dict[str, Any]) -> None:
    customer.details = customer.details | {key: given[key] for key in DETAILS if key in given}
    customer.billing = customer.billing | (given.get("billing_configuration") or {})
    customer.updated_at = work.now
    if "currency" in given:
        customer.currency = given["currency"]
    if "net_payment_term" in given:
        customer.net_payment_term = given["net_payment_term"]
    if "metadata" in given:
        customer.extra = [_entry(work, entry) for entry in given["metadata"]]


def _entry(work: Work, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "lago_id": given.get("id") or new_id(),
        "key": given.get("key"),
        "value": given.get("value"),
        "display_in_invoice": bool(given.get("display_in_invoice")),
        "created_at": iso(work.now),
    }


def _link(work: Work, customer: Customer) -> None:
    """The provider's own customer is made only when asked to synchronise; then a checkout page follows."""
    if not customer.billing.get("sync_with_provider"):
        return
    customer.billing = customer.billing | {
        "provider_customer_id": customer.billing.get("provider_customer_id") or f"cus_{customer.id[:13]}"
    }
    work.emit("customer.payment_provider_created", customer)
    work.emit("customer.checkout_url_generated", customer)
