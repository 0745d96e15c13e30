"""A page for people: what is in the sandbox, with buttons to pay and to refuse. Loopback only."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from jinja2 import Environment, FileSystemLoader, select_autoescape
from sqlalchemy import select
from starlette.responses import HTMLResponse, RedirectResponse, Response

from billing_bridge.sandbox import settlement
from billing_bridge.sandbox.billing.pdf import invoice_pdf
from billing_bridge.sandbox.billing.queries import get_invoice
from billing_bridge.sandbox.config import PaymentOutcome
from billing_bridge.sandbox.errors import NotFoundError
from billing_bridge.sandbox.http import Box
from billing_bridge.sandbox.model import Customer, Invoice, Subscription
from billing_bridge.sandbox.outbox import Webhook
from billing_bridge.sandbox.settlement import How
from billing_bridge.sandbox.timefmt import iso

LOOPBACK = ("127.0.0.1", "::1")
SHOWN = 100
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"), autoescape=select_autoescape()
)


def only_from_here(request: Request) -> None:
    """The page carries no key, so it is hidden from other machines and from other sites' forms."""
    host = request.client.host if request.client else ""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if host not in LOOPBACK or foreign:
        raise NotFoundError("resource")


Here = Annotated[None, Depends(only_from_here)]
router = APIRouter(prefix="/sandbox")


@router.get("/")
def show(sandbox: Box, _here: Here) -> Response:
    """Customers, subscriptions, invoices and the last webhooks."""
    with sandbox.work() as work:
        newest = {
            "customers": select(Customer).order_by(Customer.created_at.desc()),
            "subscriptions": select(Subscription).order_by(Subscription.created_at.desc()),
            "invoices": select(Invoice).order_by(Invoice.created_at.desc()),
            "webhooks": select(Webhook).order_by(Webhook.sequence.desc()),
        }
        rows = {name: list(work.session.scalars(query.limit(SHOWN))) for name, query in newest.items()}
        html = _templates.get_template("page.html").render(
            now=iso(work.now), iso=iso, auto_pay=work.auto_pay, **rows
        )
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    return HTMLResponse(html, headers={"Content-Security-Policy": policy})


@router.post("/page/invoices/{lago_id}/{outcome}")
def pay(sandbox: Box, lago_id: str, outcome: PaymentOutcome, _here: Here) -> Response:
    """The buttons."""
    with sandbox.work() as work:
        invoice = work.session.get(Invoice, lago_id)
        if invoice is None or invoice.state in ("closed", "voided"):
            raise NotFoundError("invoice")
        settlement.settle(work, invoice, outcome, How.ASYNCHRONOUS)
    return RedirectResponse("/sandbox/", status_code=303)


@router.get("/checkout/{customer_id}")
def checkout(customer_id: str, _here: Here) -> Response:
    """Where a checkout address leads."""
    html = _templates.get_template("checkout.html").render(customer_id=customer_id)
    return HTMLResponse(html)


@router.get("/files/{lago_id}.pdf")
def file(sandbox: Box, lago_id: str) -> Response:
    """The invoice as a one-page PDF, as public as Lago's own file addresses."""
    with sandbox.work() as work:
        invoice = get_invoice(work.session, lago_id)
        lines = [
            f"Lago sandbox - invoice {invoice.number}",
            "For trials and tests: this is no real invoice.",
            f"Customer {invoice.customer.external_id}",
            f"Issued {invoice.issuing_date}, due {invoice.payment_due_date}",
            f"Total {invoice.total_amount_cents / 100:.2f} {invoice.currency} ({invoice.payment_status})",
        ]
    return Response(invoice_pdf(lines), media_type="application/pdf")
