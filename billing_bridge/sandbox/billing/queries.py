"""Finding invoices, with the cached counts that Lago answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.billing.invoicing import VISIBLE
from billing_bridge.sandbox.errors import NotFoundError, ValidationError
from billing_bridge.sandbox.model import Customer, Invoice

CACHE_FOR = timedelta(minutes=30)


def get_invoice(session: Session, lago_id: str) -> Invoice:
    """A visible invoice. Raises NotFoundError."""
    invoice = session.get(Invoice, lago_id)
    if invoice is None or invoice.state not in VISIBLE:
        raise NotFoundError("invoice")
    return invoice


def select_invoices(given: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Select[Invoice]:
    """The list's query: ``given`` are scalars of the address, ``lists`` its status and payment_status values."""
    conditions: list[ColumnElement[bool]] = [Invoice.state.in_(VISIBLE)]
    for column, values in (
        (Invoice.state, lists["status"]),
        (Invoice.payment_status, lists["payment_status"]),
    ):
        conditions += [column.in_(values)] if values else []
    conditions += [build(given[name]) for name, build in _FILTERS.items() if given.get(name)]
    query = select(Invoice).join(Invoice.customer).where(*conditions)
    return query.order_by(Invoice.issuing_date.desc(), Invoice.created_at.desc(), Invoice.id)


def _day(field: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValidationError(**{field: ["invalid_date"]}) from error


_FILTERS: dict[str, Callable[[str], ColumnElement[bool]]] = {
    "external_customer_id": lambda value: Customer.external_id == value,
    "invoice_type": lambda value: Invoice.invoice_type == value,
    "currency": lambda value: Invoice.currency == value,
    "payment_overdue": lambda value: Invoice.payment_overdue.is_(value.lower() in ("true", "1")),
    "issuing_date_from": lambda value: Invoice.issuing_date >= _day("issuing_date_from", value),
    "issuing_date_to": lambda value: Invoice.issuing_date <= _day("issuing_date_to", value),
    "search_term": lambda value: or_(
        Invoice.id == value, Invoice.number.contains(value), Customer.external_id.contains(value)
    ),
}


@dataclass
class CountCache:
    """A total is kept for half an hour while it exceeds the page that was read, so it can be wrong."""

    entries: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def find(self, key: str, *, read: int, now: datetime) -> int | None:
        """The kept total, if it is fresh and greater than the rows read so far."""
        total, until = self.entries.get(key, (0, now))
        return total if total > read and now < until else None

    def keep(self, key: str, total: int, now: datetime) -> None:
        """Remember a total."""
        self.entries[key] = (total, now + CACHE_FOR)
