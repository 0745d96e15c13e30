"""/customers"""

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from billing_bridge.sandbox.catalog import deletion
from billing_bridge.sandbox.catalog.customers import checkout_url, get_customer, upsert_customer
from billing_bridge.sandbox.errors import NotFoundError
from billing_bridge.sandbox.http import (
    Box,
    Json,
    LagoResponse,
    count_rows,
    list_page,
    page_meta,
    read_page,
    take_root,
)
from billing_bridge.sandbox.model import Customer
from billing_bridge.sandbox.serializers.customer import customer_object

router = APIRouter(prefix="/customers")
EMPTY_PARTS: dict[str, list[object]] = {
    "taxes": [],
    "integration_customers": [],
    "applicable_invoice_custom_sections": [],
    "error_details": [],
}


@router.post("")
def create(sandbox: Box, body: Json) -> Response:
    """Make or change, by external_id."""
    with sandbox.work() as work:
        customer = upsert_customer(work, take_root(body, "customer"))
        return LagoResponse({"customer": customer_object(customer) | EMPTY_PARTS})


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """The living ones, newest first; ``external_id`` finds one whose id holds a dot."""
    page = read_page(request)
    query = (
        select(Customer)
        .where(Customer.deleted_at.is_(None))
        .order_by(Customer.created_at.desc(), Customer.id)
    )
    wanted = request.query_params.get("external_id")
    if wanted:
        query = query.where(Customer.external_id == wanted)
    with sandbox.store.transaction() as session:
        rows = [customer_object(each) | EMPTY_PARTS for each in list_page(session, query, page)]
        return LagoResponse({"customers": rows, "meta": page_meta(page, count_rows(session, query))})


@router.get("/{external_id}")
def show(sandbox: Box, external_id: str) -> Response:
    """One customer."""
    with sandbox.store.transaction() as session:
        customer = get_customer(session, path_id(external_id))
        return LagoResponse({"customer": customer_object(customer) | EMPTY_PARTS})


@router.delete("/{external_id}")
def destroy(sandbox: Box, external_id: str) -> Response:
    """Discarded at once and without an event; the subscriptions end a moment later, with theirs."""
    with sandbox.work() as work:
        customer = get_customer(work.session, path_id(external_id))
        deletion.request_customer_deletion(work, customer)
        answer = LagoResponse({"customer": customer_object(customer) | EMPTY_PARTS})
    sandbox.wake_ticker()
    return answer


@router.post("/{external_id}/checkout_url")
def make_checkout_url(sandbox: Box, external_id: str) -> Response:
    """Where a card would be typed; refused for customers without a provider."""
    with sandbox.work() as work:
        customer = get_customer(work.session, path_id(external_id))
        return LagoResponse(
            {
                "customer": {
                    "lago_customer_id": customer.id,
                    "external_customer_id": customer.external_id,
                    "payment_provider": customer.provider,
                    "payment_provider_code": customer.billing.get("payment_provider_code") or "",
                    "checkout_url": checkout_url(work, customer),
                }
            }
        )


def path_id(external_id: str) -> str:
    """A dot ends the id, as in Lago's routes: ``acme.io`` asks for ``acme``; two dots match no route."""
    head, *rest = external_id.split(".")
    if len(rest) > 1:
        raise NotFoundError("resource")
    return head
