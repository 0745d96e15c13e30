"""/invoices"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from billing_bridge.sandbox import settlement
from billing_bridge.sandbox.billing.invoicing import issue_one_off
from billing_bridge.sandbox.billing.queries import CountCache, get_invoice, select_invoices
from billing_bridge.sandbox.catalog.customers import get_customer
from billing_bridge.sandbox.config import PaymentOutcome
from billing_bridge.sandbox.errors import NotAllowedError, ValidationError
from billing_bridge.sandbox.http import (
    Box,
    Json,
    LagoResponse,
    Page,
    count_rows,
    list_page,
    page_meta,
    read_page,
    take_root,
)
from billing_bridge.sandbox.model import Invoice, new_id
from billing_bridge.sandbox.rules.invoices import InvoiceStep
from billing_bridge.sandbox.serializers.invoice import invoice_object, part_of_invoice
from billing_bridge.sandbox.timefmt import iso
from billing_bridge.sandbox.work import Work

router = APIRouter(prefix="/invoices")
LIST_PARTS = ("customer", "integration_customers", "metadata", "applied_taxes")
FULL_PARTS = (
    "customer", "integration_customers", "subscriptions", "billing_periods", "fees", "credits", "metadata",
    "applied_taxes", "error_details", "applied_usage_thresholds", "applied_invoice_custom_sections",
)  # fmt: skip


@router.post("")
def create_one_off(sandbox: Box, body: Json) -> Response:
    """An invoice that belongs to no subscription. Any add_on_code will do: the sandbox keeps no add-ons."""
    given = take_root(body, "invoice")
    if not given.get("fees"):
        raise ValidationError(fees=["value_is_mandatory"])
    with sandbox.work() as work:
        customer = get_customer(work.session, str(given.get("external_customer_id") or ""))
        items = [_one_off_item(fee) for fee in given["fees"]]
        invoice = issue_one_off(work, customer, given.get("currency") or customer.currency or "EUR", items)
        return _answer(work, invoice)


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """Without fees, subscriptions and billing periods; the count may be half an hour old."""
    page, params = read_page(request), request.query_params
    lists = {
        "status": [*params.getlist("status"), *params.getlist("status[]"), *params.getlist("statuses[]")],
        "payment_status": [
            *params.getlist("payment_status"),
            *params.getlist("payment_status[]"),
            *params.getlist("payment_statuses[]"),
        ],
    }
    query = select_invoices(params, lists)
    with sandbox.work() as work:
        rows = [_with_parts(work, each, LIST_PARTS) for each in list_page(work.session, query, page)]
        total = _cached_total(request, work, query, page)
        return LagoResponse({"invoices": rows, "meta": page_meta(page, total)})


@router.get("/{lago_id}")
def show(sandbox: Box, lago_id: str) -> Response:
    """One invoice with all its parts."""
    with sandbox.work() as work:
        return _answer(work, get_invoice(work.session, lago_id))


@router.put("/{lago_id}")
def update(sandbox: Box, lago_id: str, body: Json) -> Response:
    """payment_status by hand, and metadata."""
    given = take_root(body, "invoice")
    with sandbox.work() as work:
        invoice = get_invoice(work.session, lago_id)
        if invoice.state == "voided":
            raise NotAllowedError("update_on_voided_invoice")
        if "payment_status" in given:
            if given["payment_status"] not in set(PaymentOutcome):
                raise ValidationError(payment_status=["value_is_invalid"])
            settlement.change_status(work, invoice, given["payment_status"])
        if "metadata" in given:
            invoice.extra = [
                {
                    "lago_id": each.get("id") or new_id(),
                    "key": each.get("key"),
                    "value": each.get("value"),
                    "created_at": iso(work.now),
                }
                for each in given["metadata"]
            ]
        return _answer(work, invoice)


@router.post("/{lago_id}/void")
def void(sandbox: Box, lago_id: str) -> Response:
    """The payment status stays as it is; only overdue is cleared."""
    with sandbox.work() as work:
        invoice = get_invoice(work.session, lago_id)
        if invoice.state != "finalized" or invoice.payment_status == "succeeded":
            raise NotAllowedError("not_voidable")
        invoice.apply(InvoiceStep.VOID)
        invoice.voided_at = invoice.updated_at = work.now
        invoice.payment_overdue = False
        work.emit("invoice.voided", invoice)
        return _answer(work, invoice)


@router.post("/{lago_id}/retry_payment")
def retry_payment(sandbox: Box, lago_id: str) -> Response:
    """Charge again; the answer is empty."""
    with sandbox.work() as work:
        settlement.retry_payment(work, get_invoice(work.session, lago_id))
    return LagoResponse(None)


@router.post("/{lago_id}/download")
@router.post("/{lago_id}/download_pdf")
def download(sandbox: Box, lago_id: str) -> Response:
    """The first call is empty and leads to invoice.generated; later ones carry file_url."""
    with sandbox.work() as work:
        invoice = get_invoice(work.session, lago_id)
        if invoice.file_ready:
            return _answer(work, invoice)
        invoice.file_ready = True
        work.emit("invoice.generated", invoice)
    return LagoResponse(None)


@router.post("/{lago_id}/payment_url")
def payment_url(sandbox: Box, lago_id: str) -> Response:
    """Where the invoice could be paid by hand: the sandbox's own page."""
    with sandbox.work() as work:
        invoice = get_invoice(work.session, lago_id)
        customer = invoice.customer
        if customer.provider is None:
            raise ValidationError(base=["no_linked_payment_provider"])
        return LagoResponse(
            {
                "invoice_payment_details": {
                    "lago_customer_id": customer.id,
                    "lago_invoice_id": invoice.id,
                    "external_customer_id": customer.external_id,
                    "payment_provider": customer.provider,
                    "payment_url": f"{sandbox.settings.issuer}/sandbox/",
                }
            }
        )


def _one_off_item(fee: dict[str, Any]) -> dict[str, Any]:
    code = str(fee.get("add_on_code") or "")
    if not code:
        raise ValidationError(add_on_code=["value_is_mandatory"])
    return {
        "code": code,
        "name": fee.get("invoice_display_name") or code,
        "units": float(fee.get("units") or 1),
        "unit_amount_cents": int(fee.get("unit_amount_cents") or 0),
    }


def _cached_total(request: Request, work: Work, query: Any, page: Page) -> int:
    cache: CountCache = request.app.state.sandbox.invoice_counts
    key = repr(sorted((name, value) for name, value in request.query_params.multi_items() if name != "page"))
    total = cache.find(key, read=page.number * page.size, now=work.now)
    if total is None:
        total = count_rows(work.session, query)
        cache.keep(key, total, work.now)
    return total


def _with_parts(work: Work, invoice: Invoice, parts: tuple[str, ...]) -> dict[str, Any]:
    work.session.flush()
    body = invoice_object(invoice, work.settings.issuer)
    return body | {part: part_of_invoice(work.session, invoice, part, work.today) for part in parts}


def _answer(work: Work, invoice: Invoice) -> Response:
    return LagoResponse({"invoice": _with_parts(work, invoice, FULL_PARTS)})
