"""Payments: charging, settling, refusing, and what a first payment does to a gated subscription."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import select

from billing_bridge.sandbox.config import PaymentOutcome
from billing_bridge.sandbox.errors import NotAllowedError
from billing_bridge.sandbox.model import Invoice, Payment, Subscription
from billing_bridge.sandbox.rules.lifecycle import Status
from billing_bridge.sandbox.subscriptions import activation
from billing_bridge.sandbox.work import Work

REFUSAL = {"message": "Your card was declined.", "error_code": "card_declined"}


class How(StrEnum):
    """Whether the provider answered in the charge itself, or told Lago later."""

    SYNCHRONOUS = "synchronous"
    ASYNCHRONOUS = "asynchronous"


def run_charges(work: Work) -> None:
    """Charge every invoice that this unit of work issued, and those that come of it."""
    while work.charges:
        work.session.flush()
        charge(work, work.charges.pop(0))


def charge(work: Work, invoice: Invoice) -> None:
    """Ask the provider for the money. Nothing happens to customers without one, or when nothing is owed."""
    if invoice.state == "open" and invoice.total_amount_cents == 0:
        _settle_gate(work, invoice, PaymentOutcome.SUCCEEDED)
        return
    if invoice.customer.provider is None or invoice.payment_status == "succeeded":
        return
    outcome, delay = work.auto_pay
    invoice.payment_attempts += 1
    waits = delay > 0 or outcome == PaymentOutcome.PENDING
    due_at = work.now + timedelta(seconds=delay) if waits and outcome != PaymentOutcome.PENDING else None
    payment = Payment(
        invoice=invoice,
        amount_cents=invoice.total_amount_cents - invoice.total_paid_amount_cents,
        payment_status="pending",
        outcome=outcome,
        due_at=due_at,
        created_at=work.now,
    )
    work.session.add(payment)
    if not waits:
        settle(work, invoice, outcome, How.SYNCHRONOUS, payment)


def settle_due(work: Work) -> None:
    """Settle the delayed charges whose time has come, as the provider's late word."""
    due = select(Payment).where(Payment.payment_status == "pending", Payment.due_at <= work.now)
    for payment in list(work.session.scalars(due)):
        if payment.invoice.state not in ("open", "finalized"):
            payment.payment_status = PaymentOutcome.FAILED
            continue
        settle(work, payment.invoice, PaymentOutcome(payment.outcome), How.ASYNCHRONOUS, payment)


def settle(
    work: Work, invoice: Invoice, outcome: PaymentOutcome, how: How, payment: Payment | None = None
) -> None:
    """The provider's word on ``invoice``; ``payment`` is the attempt it belongs to, the open one by default."""
    payment = payment or _open_payment(work, invoice)
    if payment is not None:
        payment.payment_status = outcome
        payment.due_at = None
    if invoice.state == "open":
        _settle_gate(work, invoice, outcome)
        return
    change_status(
        work, invoice, outcome, announce=outcome == PaymentOutcome.SUCCEEDED or how == How.ASYNCHRONOUS
    )
    if outcome == PaymentOutcome.FAILED and how == How.SYNCHRONOUS:
        work.emit("invoice.payment_failure", invoice, provider_error=REFUSAL)
    if outcome == PaymentOutcome.SUCCEEDED and how == How.ASYNCHRONOUS and payment is not None:
        work.emit("payment.succeeded", payment)


def change_status(work: Work, invoice: Invoice, status: str, *, announce: bool = True) -> None:
    """Store a payment status; it is announced only when it really changed."""
    changed = invoice.payment_status != status
    invoice.payment_status = status
    invoice.updated_at = work.now
    if status == PaymentOutcome.SUCCEEDED:
        invoice.payment_overdue = False
    invoice.total_paid_amount_cents = invoice.total_amount_cents if status == PaymentOutcome.SUCCEEDED else 0
    if changed and announce:
        work.emit("invoice.payment_status_updated", invoice)


def retry_payment(work: Work, invoice: Invoice) -> None:
    """Charge again. Raises NotAllowedError where nothing is owed or a charge is still under way."""
    if invoice.state != "finalized" or invoice.payment_status == "succeeded":
        raise NotAllowedError("invalid_status")
    if _open_payment(work, invoice) is not None:
        raise NotAllowedError("payment_processor_is_currently_handling_payment")
    if invoice.customer.provider is None:
        details = {"code": "customer_must_have_payment_provider"}
        work.emit("invoice.payment_failure", invoice, provider_error=None, error_details=details)
        return
    work.charges.append(invoice)


def mark_overdue(work: Work) -> None:
    """Invoices whose due date is before today, once each."""
    late = select(Invoice).where(
        Invoice.state == "finalized",
        Invoice.payment_status != "succeeded",
        Invoice.payment_overdue.is_(False),
        Invoice.payment_due_date < work.today,
    )
    for invoice in list(work.session.scalars(late)):
        invoice.payment_overdue = True
        work.emit("invoice.payment_overdue", invoice)


def time_out_gates(work: Work) -> None:
    """Cancel gated subscriptions whose first payment took too long."""
    waiting = select(Subscription).where(Subscription.state == Status.INCOMPLETE)
    for subscription in list(work.session.scalars(waiting)):
        expiries = [str(rule["expires_at"]) for rule in subscription.activation_rules if rule["expires_at"]]
        if expiries and min(expiries) <= work.now.strftime("%Y-%m-%dT%H:%M:%SZ"):
            activation.fail_gate(work, subscription, _gating_invoice(work, subscription), "timeout")


def _settle_gate(work: Work, invoice: Invoice, outcome: PaymentOutcome) -> None:
    """Refusals are silent here: only the subscription's own event is sent."""
    subscription = work.session.get_one(Subscription, invoice.periods[-1]["subscription_id"])
    settled: dict[PaymentOutcome, Callable[[], None]] = {
        PaymentOutcome.SUCCEEDED: partial(activation.finish_gate, work, subscription, invoice),
        PaymentOutcome.FAILED: partial(activation.fail_gate, work, subscription, invoice, "payment_failed"),
    }
    if outcome in settled:
        settled[outcome]()


def _gating_invoice(work: Work, subscription: Subscription) -> Invoice | None:
    hidden = select(Invoice).where(Invoice.state == "open", Invoice.customer_id == subscription.customer_id)
    for invoice in work.session.scalars(hidden):
        if invoice.periods[-1]["subscription_id"] == subscription.id:
            return invoice
    return None


def _open_payment(work: Work, invoice: Invoice) -> Payment | None:
    query = select(Payment).where(Payment.invoice_id == invoice.id, Payment.payment_status == "pending")
    return work.session.scalars(query.order_by(Payment.created_at.desc())).first()
