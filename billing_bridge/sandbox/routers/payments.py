"""/payments: reading them; making one by hand needs a licence"""

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from billing_bridge.sandbox.errors import ForbiddenError, NotFoundError
from billing_bridge.sandbox.http import Box, LagoResponse, count_rows, list_page, page_meta, read_page
from billing_bridge.sandbox.model import Customer, Invoice, Payment
from billing_bridge.sandbox.serializers.invoice import payment_object

router = APIRouter(prefix="/payments")


@router.post("")
def create() -> Response:
    """Manual payments are premium."""
    raise ForbiddenError


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """All attempts, newest first."""
    page, params = read_page(request), request.query_params
    query = select(Payment).join(Payment.invoice).join(Invoice.customer).order_by(Payment.created_at.desc())
    if params.get("invoice_id"):
        query = query.where(Payment.invoice_id == params["invoice_id"])
    if params.get("external_customer_id"):
        query = query.where(Customer.external_id == params["external_customer_id"])
    with sandbox.store.transaction() as session:
        rows = [payment_object(each) for each in list_page(session, query, page)]
        return LagoResponse({"payments": rows, "meta": page_meta(page, count_rows(session, query))})


@router.get("/{lago_id}")
def show(sandbox: Box, lago_id: str) -> Response:
    """One attempt."""
    with sandbox.store.transaction() as session:
        payment = session.get(Payment, lago_id)
        if payment is None:
            raise NotFoundError("payment")
        return LagoResponse({"payment": payment_object(payment)})
