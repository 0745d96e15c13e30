"""/subscriptions"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from billing_bridge.sandbox.catalog.customers import find_customer, make_customer
from billing_bridge.sandbox.catalog.plans import get_plan
from billing_bridge.sandbox.errors import ValidationError
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
from billing_bridge.sandbox.model import Subscription
from billing_bridge.sandbox.rules.lifecycle import Status
from billing_bridge.sandbox.serializers.plan import nested_plan, subscription_entitlements
from billing_bridge.sandbox.serializers.subscription import subscription_object
from billing_bridge.sandbox.subscriptions import ending
from billing_bridge.sandbox.subscriptions.changes import post_subscription
from billing_bridge.sandbox.subscriptions.edits import set_termination_options, update_subscription
from billing_bridge.sandbox.subscriptions.queries import get_for_update, get_subscription, select_list
from billing_bridge.sandbox.work import Work

router = APIRouter(prefix="/subscriptions")


@router.post("")
def create(sandbox: Box, body: Json) -> Response:
    """New, upgrade or downgrade; an unknown customer is made on the way, without customer.created."""
    given = take_root(body, "subscription")
    external_customer_id = str(given.get("external_customer_id") or "").strip()
    if not external_customer_id:
        raise ValidationError(external_customer_id=["value_is_mandatory"])
    with sandbox.work() as work:
        plan = get_plan(work.session, str(given.get("plan_code") or ""))
        customer = find_customer(work.session, external_customer_id) or make_customer(
            work, external_customer_id
        )
        subscription = post_subscription(work, customer, plan, given)
        return LagoResponse({"subscription": _full(work, subscription)})


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """Only ``status[]`` filters by status; a plain ``status`` is ignored."""
    page, params = read_page(request), request.query_params
    query = select_list(
        statuses=params.getlist("status[]"),
        external_customer_id=params.get("external_customer_id"),
        plan_code=params.get("plan_code"),
        external_id=params.get("external_id"),
        currency=params.get("currency"),
    )
    with sandbox.work() as work:
        rows = [subscription_object(each, work.today) for each in list_page(work.session, query, page)]
        return LagoResponse({"subscriptions": rows, "meta": page_meta(page, count_rows(work.session, query))})


@router.get("/{external_id:path}")
def show(sandbox: Box, external_id: str, status: str | None = None) -> Response:
    """The active generation unless a status is asked for."""
    with sandbox.work() as work:
        return LagoResponse(
            {"subscription": _full(work, get_subscription(work.session, external_id, status))}
        )


@router.put("/{external_id:path}")
def update(sandbox: Box, external_id: str, body: Json, status: str | None = None) -> Response:
    """Change fields of one generation; the status may stand in the query or in the body."""
    with sandbox.work() as work:
        subscription = get_for_update(work.session, external_id, status or body.get("status"))
        update_subscription(work, subscription, take_root(body, "subscription"))
        return LagoResponse({"subscription": subscription_object(subscription, work.today)})


@router.delete("/{external_id:path}")
def destroy(sandbox: Box, request: Request, external_id: str, status: str | None = None) -> Response:
    """End the active generation, or cancel a pending one with ``status=pending``."""
    with sandbox.work() as work:
        subscription = get_subscription(work.session, external_id, status)
        if subscription.state == Status.INCOMPLETE:
            raise ValidationError(subscription=["subscription_incomplete"])
        set_termination_options(subscription, dict(request.query_params))
        if subscription.state == Status.PENDING:
            ending.cancel_pending(work, subscription)
        elif subscription.state == Status.ACTIVE:
            ending.terminate(work, subscription)
        return LagoResponse({"subscription": subscription_object(subscription, work.today)})


def _full(work: Work, subscription: Subscription) -> dict[str, Any]:
    """With the plan and the entitlements, as single answers carry them."""
    return subscription_object(subscription, work.today) | {
        "plan": nested_plan(subscription.plan),
        "entitlements": subscription_entitlements(work.session, subscription),
        "applicable_usage_thresholds": [],
    }
