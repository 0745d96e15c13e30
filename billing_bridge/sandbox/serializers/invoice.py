"""Invoices, fees, payments and their failures as the API shows them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from billing_bridge.sandbox.model import Fee, Invoice, Payment, Subscription
from billing_bridge.sandbox.serializers.customer import customer_object
from billing_bridge.sandbox.serializers.subscription import subscription_object
from billing_bridge.sandbox.timefmt import end_of, iso, start_of

PROVIDER_CLASSES = {
    "stripe": "PaymentProviders::StripeProvider",
    "adyen": "PaymentProviders::AdyenProvider",
    "gocardless": "PaymentProviders::GocardlessProvider",
    "cashfree": "PaymentProviders::CashfreeProvider",
    "flutterwave": "PaymentProviders::FlutterwaveProvider",
    "moneyhash": "PaymentProviders::MoneyhashProvider",
}


def invoice_object(invoice: Invoice, issuer: str) -> dict[str, Any]:
    """The bare invoice; amounts in cents."""
    return {
        "lago_id": invoice.id,
        "billing_entity_code": "sandbox",
        "sequential_id": invoice.sequential_id,
        "number": invoice.number,
        "purchase_order_number": None,
        "issuing_date": invoice.issuing_date.isoformat(),
        "payment_dispute_lost_at": None,
        "payment_due_date": invoice.payment_due_date.isoformat(),
        "payment_overdue": invoice.payment_overdue,
        "net_payment_term": invoice.net_payment_term,
        "invoice_type": invoice.invoice_type,
        "status": invoice.state,
        "payment_status": invoice.payment_status,
        "currency": invoice.currency,
        **_amounts(invoice),
        "file_url": f"{issuer}/sandbox/files/{invoice.id}.pdf" if invoice.file_ready else None,
        "xml_url": None,
        "web_url": None,
        "version_number": 4,
        "self_billed": False,
        "created_at": iso(invoice.created_at),
        "updated_at": iso(invoice.updated_at),
        "voided_at": iso(invoice.voided_at),
    }


def _amounts(invoice: Invoice) -> dict[str, int]:
    """Cents; the sandbox knows no taxes, coupons or wallets."""
    total = invoice.total_amount_cents
    return {
        "fees_amount_cents": invoice.fees_amount_cents,
        "taxes_amount_cents": 0,
        "progressive_billing_credit_amount_cents": 0,
        "coupons_amount_cents": 0,
        "credit_notes_amount_cents": invoice.credit_notes_amount_cents,
        "sub_total_excluding_taxes_amount_cents": invoice.fees_amount_cents,
        "sub_total_including_taxes_amount_cents": invoice.fees_amount_cents,
        "total_amount_cents": total,
        "total_due_amount_cents": 0 if invoice.state == "voided" else total - invoice.total_paid_amount_cents,
        "total_paid_amount_cents": invoice.total_paid_amount_cents,
        "total_offsetted_credit_note_amount_cents": 0,
        "prepaid_credit_amount_cents": 0,
        "prepaid_granted_credit_amount_cents": 0,
        "prepaid_purchased_credit_amount_cents": 0,
    }


def part_of_invoice(session: Session, invoice: Invoice, part: str, today: date) -> Any:
    """One nested part by its key: customer, subscriptions, billing_periods, fees, or an empty list."""
    if part == "customer":
        return customer_object(invoice.customer)
    if part == "fees":
        return [fee_object(fee) for fee in sorted(invoice.fees, key=lambda each: each.id)]
    if part == "metadata":
        return list(invoice.extra)
    if part in ("subscriptions", "billing_periods"):
        named = [
            (entry, session.get_one(Subscription, entry["subscription_id"])) for entry in invoice.periods
        ]
        if part == "subscriptions":
            return [subscription_object(subscription, today) for _, subscription in named]
        return [_billing_period(entry, subscription) for entry, subscription in named]
    return []


def fee_object(fee: Fee) -> dict[str, Any]:
    """One line; cents, and the same amounts in currency units as text."""
    invoice, subscription = fee.invoice, fee.subscription
    return {
        "lago_id": fee.id,
        "lago_charge_id": None,
        "lago_charge_filter_id": None,
        "lago_fixed_charge_id": None,
        "lago_invoice_id": invoice.id,
        "lago_true_up_fee_id": None,
        "lago_true_up_parent_fee_id": None,
        "lago_original_fee_id": None,
        "lago_subscription_id": subscription.id if subscription else None,
        "external_subscription_id": subscription.external_id if subscription else None,
        "lago_customer_id": invoice.customer.id,
        "external_customer_id": invoice.customer.external_id,
        "item": _item(fee),
        "pay_in_advance": fee.pay_in_advance,
        "invoiceable": True,
        **_fee_amounts(fee, invoice.currency),
        "events_count": None,
        "from_date": iso(start_of(fee.first)),
        "to_date": iso(end_of(fee.last)),
        "description": None,
        "self_billed": False,
        **_fee_payment(fee),
        "amount_details": _amount_details(fee),
        "pricing_unit_details": None,
        "event_transaction_id": None,
        "applied_taxes": [],
    }


def _fee_amounts(fee: Fee, currency: str) -> dict[str, Any]:
    amount = fee.amount_cents
    precise = f"{amount / 100:.2f}"
    return {
        "amount_cents": amount,
        "precise_amount": precise,
        "precise_total_amount": precise,
        "taxes_amount_cents": 0,
        "taxes_precise_amount": "0.0",
        "taxes_rate": 0.0,
        "total_aggregated_units": "0.0",
        "total_amount_cents": amount,
        "total_amount_currency": currency,
        "amount_currency": currency,
        "sub_total_excluding_taxes_amount_cents": amount,
        "sub_total_excluding_taxes_precise_amount_cents": f"{amount}.0",
        "precise_coupons_amount_cents": "0.0",
        "precise_unit_amount": f"{amount / 100 / fee.units:.2f}" if fee.units else "0.0",
        "units": str(fee.units),
    }


def payment_object(payment: Payment) -> dict[str, Any]:
    """A charge attempt of the provider."""
    invoice = payment.invoice
    customer = invoice.customer
    provider = customer.provider or "stripe"
    reference = f"pi_{payment.id[:13]}"
    return {
        "lago_id": payment.id,
        "lago_customer_id": customer.id,
        "external_customer_id": customer.external_id,
        "invoice_ids": [invoice.id],
        "invoice_numbers": [invoice.number],
        "lago_payable_id": invoice.id,
        "payable_type": "Invoice",
        "amount_cents": payment.amount_cents,
        "amount_currency": invoice.currency,
        "status": payment.payment_status,
        "payment_status": payment.payment_status,
        "type": "provider",
        "reference": None,
        "payment_provider_code": customer.billing.get("payment_provider_code") or provider,
        "payment_provider_type": PROVIDER_CLASSES[provider],
        "external_payment_id": reference,
        "provider_payment_id": reference,
        "provider_customer_id": customer.billing.get("provider_customer_id") or "",
        "payment_method_id": None,
        "next_action": {},
        "created_at": iso(payment.created_at),
        "payment_receipt": None,
    }


def payment_failure_object(invoice: Invoice, options: dict[str, Any]) -> dict[str, Any]:
    """The refusal of a charge; it names no subscription."""
    customer = invoice.customer
    return {
        "lago_invoice_id": invoice.id,
        "lago_customer_id": customer.id,
        "external_customer_id": customer.external_id,
        "provider_customer_id": customer.billing.get("provider_customer_id"),
        "payment_provider": customer.provider,
        "payment_provider_code": customer.billing.get("payment_provider_code"),
        "provider_error": options.get("provider_error"),
        "error_details": options.get("error_details"),
    }


def _item(fee: Fee) -> dict[str, Any]:
    item = fee.item
    return {
        "type": item["type"],
        "code": item["code"],
        "name": item["name"],
        "description": None,
        "invoice_display_name": item["name"],
        "filters": None,
        "filter_invoice_display_name": None,
        "lago_item_id": item.get("lago_item_id") or fee.id,
        "item_type": item["item_type"],
        "grouped_by": {},
    }


def _amount_details(fee: Fee) -> dict[str, Any]:
    cents = fee.item.get("plan_amount_cents")
    return {} if cents is None else {"plan_amount_cents": cents}


def _fee_payment(fee: Fee) -> dict[str, Any]:
    status = fee.invoice.payment_status
    settled: datetime = fee.invoice.updated_at
    return {
        "payment_status": status,
        "created_at": iso(fee.created_at),
        "succeeded_at": iso(settled) if status == "succeeded" else None,
        "failed_at": iso(settled) if status == "failed" else None,
        "refunded_at": None,
    }


def _billing_period(entry: dict[str, Any], subscription: Subscription) -> dict[str, Any]:
    first, last = (
        iso(start_of(date.fromisoformat(entry["first"]))),
        iso(end_of(date.fromisoformat(entry["last"]))),
    )
    return {
        "lago_subscription_id": subscription.id,
        "external_subscription_id": subscription.external_id,
        "lago_plan_id": subscription.plan_id,
        "subscription_from_datetime": first,
        "subscription_to_datetime": last,
        "charges_from_datetime": first,
        "charges_to_datetime": last,
        "fixed_charges_from_datetime": first,
        "fixed_charges_to_datetime": last,
        "invoicing_reason": entry["reason"],
    }
