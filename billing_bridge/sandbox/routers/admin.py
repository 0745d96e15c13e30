"""/sandbox: what Lago has no path for: moving the clock, paying, losing webhooks"""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from billing_bridge.sandbox import settlement
from billing_bridge.sandbox.catalog.customers import get_customer
from billing_bridge.sandbox.config import PaymentOutcome
from billing_bridge.sandbox.errors import NotAllowedError, NotFoundError, ValidationError
from billing_bridge.sandbox.http import Box, Json, LagoResponse
from billing_bridge.sandbox.model import Invoice
from billing_bridge.sandbox.outbox import Webhook
from billing_bridge.sandbox.rules.deliveries import DeliveryStep
from billing_bridge.sandbox.serializers.invoice import invoice_object, part_of_invoice
from billing_bridge.sandbox.settlement import How
from billing_bridge.sandbox.store import get_setting, put_setting
from billing_bridge.sandbox.timefmt import iso_ms, parse_moment

router = APIRouter(prefix="/sandbox")
LISTED = 1000
"""Most deliveries in one answer."""
CHAOS: dict[str, Any] = {
    "drop_next": 0,
    "duplicate": False,
    "emit_twice": False,
    "reverse": False,
    "delay_ms": 0,
}


@router.get("/clock")
def show_clock(sandbox: Box) -> Response:
    """The sandbox's time."""
    with sandbox.store.transaction() as session:
        return LagoResponse({"now": iso_ms(sandbox.clock.now(session))})


@router.post("/clock")
def move_clock(sandbox: Box, body: Json) -> Response:
    """``advance_seconds`` or ``now``; runs what falls due on the way, unless ``missed`` leaps over it."""
    with sandbox.store.transaction() as session:
        now = sandbox.clock.now(session)
    if "now" in body:
        until = parse_moment(body["now"], "now")
    else:
        until = now + timedelta(seconds=_number(body, "advance_seconds"))
    sandbox.move_clock(until, missed=bool(body.get("missed")))
    return show_clock(sandbox)


@router.get("/auto_pay")
def show_auto_pay(sandbox: Box) -> Response:
    """What the pretended provider does with charges."""
    with sandbox.work() as work:
        outcome, delay = work.auto_pay
        return LagoResponse({"outcome": outcome, "delay_seconds": delay})


@router.post("/auto_pay")
def set_auto_pay(sandbox: Box, body: Json) -> Response:
    """``outcome`` and ``delay_seconds`` for the charges to come."""
    outcome = _outcome(body.get("outcome", "succeeded"), "outcome")
    with sandbox.work() as work:
        put_setting(
            work.session,
            "auto_pay",
            {"outcome": outcome, "delay_seconds": _number({"delay_seconds": 0} | body, "delay_seconds")},
        )
    return show_auto_pay(sandbox)


@router.get("/invoices")
def list_invoices(sandbox: Box, external_customer_id: str | None = None) -> Response:
    """All invoices with their fees, the hidden ones of gated starts too."""
    with sandbox.work() as work:
        rows = work.session.scalars(select(Invoice).order_by(Invoice.created_at.desc()))
        shown = [
            invoice_object(each, work.settings.issuer)
            | {"fees": part_of_invoice(work.session, each, "fees", work.today)}
            for each in rows
            if external_customer_id in (None, each.customer.external_id)
        ]
        return LagoResponse({"invoices": shown})


@router.post("/invoices/{lago_id}/payment")
def pay(sandbox: Box, lago_id: str, body: Json) -> Response:
    """The provider's word on an invoice: ``status``, and ``how`` it was told."""
    outcome = _outcome(body.get("status"), "status")
    try:
        how = How(body.get("how", How.ASYNCHRONOUS))
    except ValueError as error:
        raise ValidationError(how=["value_is_invalid"]) from error
    with sandbox.work() as work:
        invoice = work.session.get(Invoice, lago_id)
        if invoice is None or invoice.state == "closed":
            raise NotFoundError("invoice")
        if invoice.state == "voided":
            raise NotAllowedError("update_on_voided_invoice")
        settlement.settle(work, invoice, outcome, how)
        return LagoResponse({"invoice": invoice_object(invoice, work.settings.issuer)})


@router.post("/customers/{external_id}/provider_error")
def provider_error(sandbox: Box, external_id: str, body: Json) -> Response:
    """Send customer.payment_provider_error."""
    error = body.get("provider_error") or {
        "message": "The provider refused this customer.",
        "error_code": "refused",
    }
    with sandbox.work() as work:
        customer = get_customer(work.session, external_id)
        if customer.provider is None:
            raise ValidationError(base=["no_linked_payment_provider"])
        work.emit("customer.payment_provider_error", customer, provider_error=error)
    return LagoResponse({"sent": True})


@router.get("/deliveries")
def list_deliveries(sandbox: Box, request: Request) -> Response:
    """Stored webhooks in the order of their events; ``status``, ``webhook_type`` and ``after`` (a sequence) filter."""
    params = request.query_params
    query = select(Webhook).order_by(Webhook.sequence).limit(LISTED)
    for name, column in (("status", Webhook.state), ("webhook_type", Webhook.webhook_type)):
        if params.get(name):
            query = query.where(column == params[name])
    if params.get("after", "").isdecimal():
        query = query.where(Webhook.sequence > int(params["after"]))
    with sandbox.store.transaction() as session:
        return LagoResponse({"deliveries": [_delivery(each) for each in session.scalars(query)]})


@router.post("/deliveries/{key}/retry")
def retry_delivery(sandbox: Box, key: str) -> Response:
    """Send a failed or dropped one again, with the same key; refused for delivered ones."""
    with sandbox.work() as work:
        webhook = work.session.scalar(select(Webhook).where(Webhook.id == key))
        if webhook is None:
            raise NotFoundError("webhook")
        if webhook.state == "succeeded":
            raise NotAllowedError("is_succeeded")
        webhook.apply(DeliveryStep.RESEND)
        webhook.next_attempt_at = work.machine_time
        return LagoResponse({"delivery": _delivery(webhook)})


@router.get("/chaos")
def show_chaos(sandbox: Box) -> Response:
    """How webhooks are being spoilt."""
    with sandbox.store.transaction() as session:
        return LagoResponse(CHAOS | get_setting(session, "chaos"))


@router.post("/chaos")
def set_chaos(sandbox: Box, body: Json) -> Response:
    """Lose the next n, send each twice, last first, late; what is not given is switched off."""
    unknown = body.keys() - CHAOS.keys()
    if unknown:
        raise ValidationError(**{name: ["unknown"] for name in unknown})
    with sandbox.work() as work:
        put_setting(work.session, "chaos", CHAOS | body)
    return show_chaos(sandbox)


@router.post("/reset")
def reset(sandbox: Box) -> Response:
    """Forget everything but the keys."""
    sandbox.reset()
    return LagoResponse({"reset": True})


def _number(body: dict[str, Any], field: str) -> float:
    value = body.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValidationError(**{field: ["value_is_invalid"]})
    return float(value)


def _outcome(value: Any, field: str) -> PaymentOutcome:
    try:
        return PaymentOutcome(value)
    except ValueError as error:
        raise ValidationError(**{field: ["value_is_invalid"]}) from error


def _delivery(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "sequence": webhook.sequence,
        "webhook_type": webhook.webhook_type,
        "webhook_url": webhook.endpoint.webhook_url,
        "object_id": webhook.object_id,
        "status": webhook.state,
        "attempts": list(webhook.attempts),
        "payload": webhook.payload,
    }
