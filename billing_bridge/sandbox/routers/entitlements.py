"""Entitlements of plans and of subscriptions"""

from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from billing_bridge.sandbox.catalog.entitlements import (
    override_entitlements,
    remove_entitlement,
    remove_plan_entitlement,
    set_plan_entitlements,
)
from billing_bridge.sandbox.catalog.plans import get_plan
from billing_bridge.sandbox.errors import NotFoundError
from billing_bridge.sandbox.http import Box, Json, LagoResponse
from billing_bridge.sandbox.model import Plan, Subscription
from billing_bridge.sandbox.serializers.plan import plan_entitlements, subscription_entitlements
from billing_bridge.sandbox.subscriptions.queries import get_subscription

router = APIRouter()
PLAN = "/plans/{code}/entitlements"
SUBSCRIPTION = "/subscriptions/{external_id:path}/entitlements"


@router.get(PLAN)
def index_of_plan(sandbox: Box, code: str) -> Response:
    """What a plan grants."""
    with sandbox.store.transaction() as session:
        return _all(session, get_plan(session, code))


@router.post(PLAN)
def replace(sandbox: Box, code: str, body: Json) -> Response:
    """All of it anew."""
    return _set(sandbox, code, body, merge=False)


@router.patch(PLAN)
def merge(sandbox: Box, code: str, body: Json) -> Response:
    """The given values over the present ones."""
    return _set(sandbox, code, body, merge=True)


@router.get(PLAN + "/{feature}")
def show_of_plan(sandbox: Box, code: str, feature: str) -> Response:
    """One feature of it."""
    with sandbox.store.transaction() as session:
        return LagoResponse(
            {"entitlement": _one(plan_entitlements(session, get_plan(session, code)), feature)}
        )


@router.delete(PLAN + "/{feature}")
def remove_of_plan(sandbox: Box, code: str, feature: str) -> Response:
    """Take a feature away; answers what it was."""
    with sandbox.work() as work:
        plan = get_plan(work.session, code)
        was = _one(plan_entitlements(work.session, plan), feature)
        remove_plan_entitlement(work, plan, feature)
        return LagoResponse({"entitlement": was})


@router.delete(PLAN + "/{feature}/privileges/{privilege}")
def remove_privilege_of_plan(sandbox: Box, code: str, feature: str, privilege: str) -> Response:
    """Take one privilege away."""
    with sandbox.work() as work:
        plan = get_plan(work.session, code)
        remove_plan_entitlement(work, plan, feature, privilege)
        return LagoResponse({"entitlement": _one(plan_entitlements(work.session, plan), feature)})


@router.get(SUBSCRIPTION)
def index_of_subscription(sandbox: Box, external_id: str, subscription_status: str | None = None) -> Response:
    """What a subscription is granted."""
    with sandbox.store.transaction() as session:
        return _all(session, get_subscription(session, external_id, subscription_status))


@router.patch(SUBSCRIPTION)
def override(sandbox: Box, external_id: str, body: Json, subscription_status: str | None = None) -> Response:
    """Values for this generation only."""
    with sandbox.work() as work:
        subscription = get_subscription(work.session, external_id, subscription_status)
        override_entitlements(work, subscription, body.get("entitlements"))
        return _all(work.session, subscription)


@router.delete(SUBSCRIPTION + "/{feature}")
def remove(sandbox: Box, external_id: str, feature: str, subscription_status: str | None = None) -> Response:
    """Take a feature away from this generation; answers what it was."""
    with sandbox.work() as work:
        subscription = get_subscription(work.session, external_id, subscription_status)
        was = _one(subscription_entitlements(work.session, subscription), feature)
        remove_entitlement(work, subscription, feature)
        return LagoResponse({"entitlement": was})


@router.delete(SUBSCRIPTION + "/{feature}/privileges/{privilege}")
def remove_privilege(
    sandbox: Box, external_id: str, feature: str, privilege: str, subscription_status: str | None = None
) -> Response:
    """Take one privilege away from this generation."""
    with sandbox.work() as work:
        subscription = get_subscription(work.session, external_id, subscription_status)
        remove_entitlement(work, subscription, feature, privilege)
        return LagoResponse(
            {"entitlement": _one(subscription_entitlements(work.session, subscription), feature)}
        )


def _set(sandbox: Box, code: str, body: dict[str, Any], *, merge: bool) -> Response:
    with sandbox.work() as work:
        plan = get_plan(work.session, code)
        set_plan_entitlements(work, plan, body.get("entitlements"), merge=merge)
        return _all(work.session, plan)


def _all(session: Session, owner: Plan | Subscription) -> Response:
    granted = (
        plan_entitlements(session, owner)
        if isinstance(owner, Plan)
        else subscription_entitlements(session, owner)
    )
    return LagoResponse({"entitlements": granted})


def _one(entitlements: list[dict[str, Any]], feature: str) -> dict[str, Any]:
    for entitlement in entitlements:
        if entitlement["code"] == feature:
            return entitlement
    raise NotFoundError("entitlement")
