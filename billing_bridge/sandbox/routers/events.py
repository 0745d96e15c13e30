"""/events: usage is kept and given back; nothing is billed from it"""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from billing_bridge.sandbox.errors import NotFoundError, ValidationError
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
from billing_bridge.sandbox.model import UsageEvent
from billing_bridge.sandbox.serializers.other import event_object
from billing_bridge.sandbox.timefmt import parse_timestamp
from billing_bridge.sandbox.work import Work

router = APIRouter(prefix="/events")
REQUIRED = ("transaction_id", "external_subscription_id", "code")
BATCH_MAX = 100


@router.post("")
def create(sandbox: Box, body: Json) -> Response:
    """Accepted for unknown subscriptions and metrics too; a repeated transaction_id is refused."""
    given = take_root(body, "event")
    with sandbox.work() as work:
        errors = _check(work, given, set())
        if errors:
            raise ValidationError(**errors)
        return LagoResponse({"event": event_object(_store(work, given))})


@router.post("/batch")
def create_batch(sandbox: Box, body: Json) -> Response:
    """All or nothing, at most 100; errors are told by index."""
    events = body.get("events")
    if not isinstance(events, list) or not events:
        raise ValidationError(events=["no_events"])
    if len(events) > BATCH_MAX:
        raise ValidationError(events=["too_many_events"])
    with sandbox.work() as work:
        seen: set[str] = set()
        errors = {
            str(index): found for index, each in enumerate(events) if (found := _check(work, each, seen))
        }
        if errors:
            raise ValidationError(**errors)
        return LagoResponse({"events": [event_object(_store(work, each)) for each in events]})


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """Newest first."""
    page, params = read_page(request), request.query_params
    query = select(UsageEvent).order_by(UsageEvent.timestamp.desc(), UsageEvent.id)
    if params.get("external_subscription_id"):
        query = query.where(UsageEvent.external_subscription_id == params["external_subscription_id"])
    if params.get("code"):
        query = query.where(UsageEvent.code == params["code"])
    with sandbox.store.transaction() as session:
        rows = [event_object(each) for each in list_page(session, query, page)]
        return LagoResponse({"events": rows, "meta": page_meta(page, count_rows(session, query))})


@router.get("/{transaction_id}")
def show(sandbox: Box, transaction_id: str) -> Response:
    """One event."""
    with sandbox.store.transaction() as session:
        event = session.scalar(select(UsageEvent).where(UsageEvent.transaction_id == transaction_id))
        if event is None:
            raise NotFoundError("event")
        return LagoResponse({"event": event_object(event)})


def _check(work: Work, given: dict[str, Any], seen: set[str]) -> dict[str, list[str]]:
    """Field to codes; ``seen`` collects the transaction ids of one batch."""
    errors = {field: ["value_is_mandatory"] for field in REQUIRED if not given.get(field)}
    transaction_id = str(given.get("transaction_id"))
    known = work.session.scalar(select(UsageEvent.id).where(UsageEvent.transaction_id == transaction_id))
    if known or transaction_id in seen:
        errors["transaction_id"] = ["value_already_exist"]
    seen.add(transaction_id)
    return errors


def _store(work: Work, given: dict[str, Any]) -> UsageEvent:
    amount = given.get("precise_total_amount_cents")
    event = UsageEvent(
        transaction_id=str(given["transaction_id"]),
        external_subscription_id=str(given["external_subscription_id"]),
        code=str(given["code"]),
        timestamp=parse_timestamp(given["timestamp"]) if given.get("timestamp") else work.now,
        properties=dict(given.get("properties") or {}),
        precise_total_amount_cents=None if amount is None else str(amount),
        created_at=work.now,
    )
    work.session.add(event)
    work.session.flush()
    return event
