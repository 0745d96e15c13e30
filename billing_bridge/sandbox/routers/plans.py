"""/plans and their metadata"""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from billing_bridge.sandbox.catalog import deletion
from billing_bridge.sandbox.catalog.plans import create_plan, get_plan, update_plan
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
from billing_bridge.sandbox.model import Plan
from billing_bridge.sandbox.serializers.plan import plan_object
from billing_bridge.sandbox.work import Work

router = APIRouter(prefix="/plans")


@router.post("")
def create(sandbox: Box, body: Json) -> Response:
    """A new plan."""
    with sandbox.work() as work:
        plan = create_plan(work, take_root(body, "plan"))
        return _answer(work, plan)


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """All plans, those being deleted too, newest first."""
    page = read_page(request)
    query = select(Plan).where(Plan.deleted_at.is_(None)).order_by(Plan.created_at.desc(), Plan.id)
    with sandbox.store.transaction() as session:
        rows = [plan_object(session, each) for each in list_page(session, query, page)]
        return LagoResponse({"plans": rows, "meta": page_meta(page, count_rows(session, query))})


@router.get("/{code}")
def show(sandbox: Box, code: str) -> Response:
    """One plan."""
    with sandbox.work() as work:
        return _answer(work, get_plan(work.session, code))


@router.put("/{code}")
def update(sandbox: Box, code: str, body: Json) -> Response:
    """Change the given fields."""
    with sandbox.work() as work:
        plan = get_plan(work.session, code)
        update_plan(work, plan, take_root(body, "plan"))
        return _answer(work, plan)


@router.delete("/{code}")
def destroy(sandbox: Box, code: str) -> Response:
    """plan.deleted leaves first; its subscriptions end a moment later."""
    with sandbox.work() as work:
        plan = get_plan(work.session, code)
        deletion.request_plan_deletion(work, plan)
        answer = _answer(work, plan)
    sandbox.wake_ticker()
    return answer


@router.post("/{code}/metadata")
def replace_metadata(sandbox: Box, code: str, body: Json) -> Response:
    """All keys at once."""
    return _set_metadata(sandbox, code, lambda _old: dict(body.get("metadata") or {}))


@router.patch("/{code}/metadata")
def merge_metadata(sandbox: Box, code: str, body: Json) -> Response:
    """The given keys over the present ones."""
    return _set_metadata(sandbox, code, lambda old: old | (body.get("metadata") or {}))


@router.delete("/{code}/metadata")
def delete_metadata(sandbox: Box, code: str) -> Response:
    """None left."""
    return _set_metadata(sandbox, code, lambda _old: {})


@router.delete("/{code}/metadata/{key}")
def delete_metadata_key(sandbox: Box, code: str, key: str) -> Response:
    """One less."""
    return _set_metadata(
        sandbox, code, lambda old: {name: value for name, value in old.items() if name != key}
    )


def _set_metadata(sandbox: Box, code: str, change: Any) -> Response:
    with sandbox.work() as work:
        plan = get_plan(work.session, code)
        plan.extra = change(dict(plan.extra))
        return LagoResponse({"metadata": plan.extra or None})


def _answer(work: Work, plan: Plan) -> Response:
    return LagoResponse({"plan": plan_object(work.session, plan)})
