"""Making invoices: fees of subscription periods, one-off invoices, numbers, totals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from billing_bridge.sandbox.model import Customer, Fee, Invoice, Subscription
from billing_bridge.sandbox.rules.invoices import InvoiceStep
from billing_bridge.sandbox.rules.periods import Period, period_on, share
from billing_bridge.sandbox.work import Work

VISIBLE = ("draft", "finalized", "voided", "failed", "pending")


@dataclass(frozen=True)
class Line:
    """What one subscription puts on an invoice: a period, why, and the cents (None: named without a fee)."""

    subscription: Subscription
    period: Period
    reason: str
    amount_cents: int | None


def whole_period(subscription: Subscription, day: date) -> Period:
    """The full billing period around ``day``, not cut at the start."""
    return period_on(
        day,
        interval=subscription.plan.interval,
        billing_time=subscription.billing_time,
        anchor=subscription.subscription_at.date(),
    )


def current_period(subscription: Subscription, day: date) -> Period:
    """The billing period around ``day``, cut at the subscription's own start."""
    whole = whole_period(subscription, day)
    started = subscription.started_at.date() if subscription.started_at else whole.first
    return Period(max(whole.first, min(started, whole.last)), whole.last)


def starting_line(subscription: Subscription, day: date, reason: str = "subscription_starting") -> Line:
    """The rest of the current period, paid in advance."""
    whole = whole_period(subscription, day)
    used = Period(max(day, whole.first), whole.last)
    return Line(subscription, used, reason, share(subscription.plan.amount_cents, used, whole))


def elapsed_line(subscription: Subscription, last: date, reason: str) -> Line:
    """The billing period up to ``last``; plans paid in advance owe nothing more for it."""
    whole = whole_period(subscription, last)
    first = current_period(subscription, last).first
    if first > last:
        return Line(subscription, Period(first, first), reason, None)
    used = Period(first, last)
    amount = None if subscription.plan.pay_in_advance else share(subscription.plan.amount_cents, used, whole)
    return Line(subscription, used, reason, amount)


def find_advance_fee(work: Work, subscription: Subscription, day: date) -> Fee | None:
    """The fee that was billed in advance for a period with ``day`` in it."""
    query = select(Fee).where(
        Fee.subscription_id == subscription.id, Fee.pay_in_advance, Fee.first <= day, Fee.last >= day
    )
    return work.session.scalars(query.order_by(Fee.created_at.desc())).first()


def unused_credit_cents(work: Work, subscription: Subscription, day: date) -> int:
    """What was billed in advance for ``day`` and the days after it, in cents."""
    if subscription.on_termination_credit_note == "skip":
        return 0
    fee = find_advance_fee(work, subscription, day)
    return 0 if fee is None else share(fee.amount_cents, Period(day, fee.last), Period(fee.first, fee.last))


def issue(work: Work, lines: Sequence[Line], *, credit_cents: int = 0, hidden: bool = False) -> Invoice:
    """Store an invoice for ``lines`` and queue its charge.

    ``hidden`` keeps it ``open`` until the gated subscription's payment arrives: it has no number and no webhook.
    """
    first = lines[0].subscription
    invoice = _blank(work, first.customer, first.plan.amount_currency, "subscription")
    invoice.periods = [
        {
            "subscription_id": line.subscription.id,
            "first": line.period.first.isoformat(),
            "last": line.period.last.isoformat(),
            "reason": line.reason,
        }
        for line in lines
    ]
    invoice.fees = [_subscription_fee(work, line) for line in lines if line.amount_cents is not None]
    total_up(invoice, credit_cents)
    work.session.add(invoice)
    if not hidden:
        publish(work, invoice, "invoice.created")
    work.charges.append(invoice)
    return invoice


def issue_one_off(work: Work, customer: Customer, currency: str, items: Sequence[dict[str, Any]]) -> Invoice:
    """Store an invoice that belongs to no subscription. ``items`` carry code, name, units, unit_amount_cents."""
    invoice = _blank(work, customer, currency, "one_off")
    invoice.fees = [
        Fee(
            item={"type": "add_on", "code": item["code"], "name": item["name"], "item_type": "AddOn"},
            amount_cents=round(item["unit_amount_cents"] * item["units"]),
            units=item["units"],
            first=work.today,
            last=work.today,
            created_at=work.now,
        )
        for item in items
    ]
    total_up(invoice, 0)
    work.session.add(invoice)
    publish(work, invoice, "invoice.one_off_created")
    work.charges.append(invoice)
    return invoice


def publish(work: Work, invoice: Invoice, webhook_type: str) -> None:
    """Give the invoice its number and announce it; nothing to pay means paid."""
    highest = select(func.max(Invoice.sequential_id)).where(Invoice.customer_id == invoice.customer.id)
    invoice.sequential_id = (work.session.scalar(highest) or 0) + 1
    invoice.number = f"SBX-{invoice.customer.sequential_id:04d}-{invoice.sequential_id:03d}"
    invoice.apply(InvoiceStep.FINALIZE)
    if invoice.total_amount_cents == 0:
        invoice.payment_status = "succeeded"
    work.emit(webhook_type, invoice)


def total_up(invoice: Invoice, credit_cents: int) -> None:
    """Sum the fees and take off as much of the credit as fits."""
    invoice.fees_amount_cents = sum(fee.amount_cents for fee in invoice.fees)
    invoice.credit_notes_amount_cents = min(credit_cents, invoice.fees_amount_cents)
    invoice.total_amount_cents = invoice.fees_amount_cents - invoice.credit_notes_amount_cents


def _blank(work: Work, customer: Customer, currency: str, invoice_type: str) -> Invoice:
    term = customer.net_payment_term or 0
    return Invoice(
        customer=customer,
        invoice_type=invoice_type,
        state="open",
        currency=currency,
        issuing_date=work.today,
        payment_due_date=work.today + timedelta(days=term),
        net_payment_term=term,
        payment_status="pending",
        created_at=work.now,
        updated_at=work.now,
    )


def _subscription_fee(work: Work, line: Line) -> Fee:
    plan = line.subscription.plan
    return Fee(
        subscription=line.subscription,
        item={
            "type": "subscription",
            "code": plan.code,
            "name": plan.name,
            "item_type": "Subscription",
            "lago_item_id": line.subscription.id,
            "plan_amount_cents": plan.amount_cents,
        },
        amount_cents=line.amount_cents,
        pay_in_advance=plan.pay_in_advance,
        first=line.period.first,
        last=line.period.last,
        created_at=work.now,
    )
