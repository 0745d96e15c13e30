"""What the sandbox stores: one table per kind of object."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import uuid4

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from billing_bridge.sandbox.rules.invoices import InvoiceStep, advance_invoice
from billing_bridge.sandbox.rules.lifecycle import Step, advance


class UtcDateTime(TypeDecorator[datetime]):
    """SQLite forgets the zone; everything is UTC on both sides."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        _ = dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        _ = dialect
        return None if value is None else value.replace(tzinfo=UTC)


def new_id() -> str:
    """A fresh Lago id."""
    return str(uuid4())


class Base(DeclarativeBase):
    """Common mapping: moments are UTC, dictionaries and lists are JSON."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class Setting(Base):
    """A value the program keeps between starts: the clock's lead, chaos, the provider's mood."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]


class Customer(Base):
    """Who pays. Deleted rows stay, as in Lago: their invoices still name them."""

    __tablename__ = "customers"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    external_id: Mapped[str] = mapped_column(index=True)
    sequential_id: Mapped[int]
    details: Mapped[dict[str, Any]]
    """Name, address and the other fields that are only kept and given back."""
    billing: Mapped[dict[str, Any]]
    """payment_provider, payment_provider_code, provider_customer_id, sync_with_provider, document_locale."""
    currency: Mapped[str | None]
    net_payment_term: Mapped[int | None]
    extra: Mapped[list[Any]]
    """The customer's metadata entries."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    @property
    def provider(self) -> str | None:
        """The linked payment provider's name, if the customer can be charged."""
        name = self.billing.get("payment_provider")
        return str(name) if name else None


class Plan(Base):
    """What a subscription costs and grants."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    invoice_display_name: Mapped[str | None]
    description: Mapped[str | None]
    interval: Mapped[str]
    amount_cents: Mapped[int]
    amount_currency: Mapped[str]
    trial_period: Mapped[float] = mapped_column(default=0.0)
    pay_in_advance: Mapped[bool] = mapped_column(default=False)
    bill_charges_monthly: Mapped[bool | None]
    bill_fixed_charges_monthly: Mapped[bool | None]
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The plan's metadata."""
    entitlements: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Feature code to privilege code to value."""
    pending_deletion: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Feature(Base):
    """A named ability with privileges (limits, switches) that plans and subscriptions give values."""

    __tablename__ = "features"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(index=True)
    name: Mapped[str | None]
    description: Mapped[str | None]
    privileges: Mapped[list[Any]]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Subscription(Base):
    """One generation: a plan change makes a new row under the same external_id."""

    __tablename__ = "subscriptions"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    external_id: Mapped[str] = mapped_column(index=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    previous_id: Mapped[str | None] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    name: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="pending", index=True)
    billing_time: Mapped[str] = mapped_column(default="calendar")
    subscription_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    trial_ended_at: Mapped[datetime | None]
    ending_at: Mapped[datetime | None]
    terminated_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    activated_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    on_termination_credit_note: Mapped[str | None]
    on_termination_invoice: Mapped[str] = mapped_column(default="generate")
    cancellation_reason: Mapped[str | None]
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """payment_method, consolidate_invoice, purchase_order_number, progressive_billing_disabled."""
    overrides: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Feature code to privilege code to value, for this generation only."""
    removals: Mapped[list[Any]] = mapped_column(default=list)
    """Feature codes, and ``feature/privilege`` pairs, taken away from this generation."""
    activation_rules: Mapped[list[Any]] = mapped_column(default=list)
    billed_through: Mapped[date | None]
    """Last day of the billing period that has been dealt with."""
    alerts_sent: Mapped[list[Any]] = mapped_column(default=list)

    customer: Mapped[Customer] = relationship()
    plan: Mapped[Plan] = relationship()
    previous: Mapped["Subscription | None"] = relationship(
        remote_side="Subscription.id", back_populates="followers"
    )
    followers: Mapped[list["Subscription"]] = relationship(back_populates="previous")

    def apply(self, step: Step) -> None:
        """Move it. Raises ValueError where its state does not allow the step."""
        self.state = advance(self.state, step)

    @property
    def following(self) -> "Subscription | None":
        """The generation that replaces, or will replace, this one."""
        living = [each for each in self.followers if each.state != "canceled"]
        return max(living, key=lambda each: each.created_at, default=None)


class Invoice(Base):
    """``open`` (the hidden invoice of a gated start) and ``closed`` (its failure) are never shown."""

    __tablename__ = "invoices"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    sequential_id: Mapped[int | None]
    number: Mapped[str] = mapped_column(default="")
    invoice_type: Mapped[str] = mapped_column(default="subscription")
    state: Mapped[str] = mapped_column(default="open", index=True)
    payment_status: Mapped[str] = mapped_column(default="pending", index=True)
    payment_overdue: Mapped[bool] = mapped_column(default=False)
    currency: Mapped[str]
    fees_amount_cents: Mapped[int] = mapped_column(default=0)
    credit_notes_amount_cents: Mapped[int] = mapped_column(default=0)
    total_amount_cents: Mapped[int] = mapped_column(default=0)
    total_paid_amount_cents: Mapped[int] = mapped_column(default=0)
    issuing_date: Mapped[date]
    payment_due_date: Mapped[date]
    net_payment_term: Mapped[int]
    periods: Mapped[list[Any]] = mapped_column(default=list)
    """One entry per subscription: subscription_id, first, last (dates), reason."""
    extra: Mapped[list[Any]] = mapped_column(default=list)
    """The invoice's metadata entries."""
    file_ready: Mapped[bool] = mapped_column(default=False)
    payment_attempts: Mapped[int] = mapped_column(default=0)
    voided_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    customer: Mapped[Customer] = relationship()
    fees: Mapped[list["Fee"]] = relationship(back_populates="invoice")

    def apply(self, step: InvoiceStep) -> None:
        """Move it. Raises ValueError where its state does not allow the step."""
        self.state = advance_invoice(self.state, step)


class Fee(Base):
    """A line of an invoice; the only road from some invoice webhooks to the subscription."""

    __tablename__ = "fees"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    subscription_id: Mapped[str | None] = mapped_column(ForeignKey("subscriptions.id"))
    item: Mapped[dict[str, Any]]
    amount_cents: Mapped[int]
    units: Mapped[float] = mapped_column(default=1.0)
    pay_in_advance: Mapped[bool] = mapped_column(default=False)
    first: Mapped[date]
    last: Mapped[date]
    created_at: Mapped[datetime]

    invoice: Mapped[Invoice] = relationship(back_populates="fees")
    subscription: Mapped[Subscription | None] = relationship()


class Payment(Base):
    """One charge attempt; ``due_at`` says when a delayed one is settled."""

    __tablename__ = "payments"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    amount_cents: Mapped[int]
    payment_status: Mapped[str] = mapped_column(default="pending")
    outcome: Mapped[str]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    invoice: Mapped[Invoice] = relationship()


class UsageEvent(Base):
    """A metered event, kept and given back; nothing is billed from it."""

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    transaction_id: Mapped[str] = mapped_column(unique=True)
    external_subscription_id: Mapped[str]
    code: Mapped[str]
    timestamp: Mapped[datetime]
    properties: Mapped[dict[str, Any]]
    precise_total_amount_cents: Mapped[str | None]
    created_at: Mapped[datetime]
