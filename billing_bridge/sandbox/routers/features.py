"""/features"""

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from billing_bridge.sandbox.catalog.features import (
    create_feature,
    delete_feature,
    delete_privilege,
    get_feature,
    update_feature,
)
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
from billing_bridge.sandbox.model import Feature
from billing_bridge.sandbox.serializers.plan import feature_object

router = APIRouter(prefix="/features")


@router.post("")
def create(sandbox: Box, body: Json) -> Response:
    """A new feature."""
    with sandbox.work() as work:
        return _answer(create_feature(work, take_root(body, "feature")))


@router.get("")
def index(sandbox: Box, request: Request) -> Response:
    """The living ones, newest first."""
    page = read_page(request)
    query = (
        select(Feature).where(Feature.deleted_at.is_(None)).order_by(Feature.created_at.desc(), Feature.id)
    )
    with sandbox.store.transaction() as session:
        rows = [feature_object(each) for each in list_page(session, query, page)]
        return LagoResponse({"features": rows, "meta": page_meta(page, count_rows(session, query))})


@router.get("/{code}")
def show(sandbox: Box, code: str) -> Response:
    """One feature."""
    with sandbox.store.transaction() as session:
        return _answer(get_feature(session, code))


@router.put("/{code}")
def update(sandbox: Box, code: str, body: Json) -> Response:
    """Change it, and add privileges."""
    with sandbox.work() as work:
        feature = get_feature(work.session, code)
        update_feature(work, feature, take_root(body, "feature"))
        return _answer(feature)


@router.delete("/{code}")
def destroy(sandbox: Box, code: str) -> Response:
    """Take it away, from all plans too."""
    with sandbox.work() as work:
        feature = get_feature(work.session, code)
        delete_feature(work, feature)
        return _answer(feature)


@router.delete("/{code}/privileges/{privilege}")
def destroy_privilege(sandbox: Box, code: str, privilege: str) -> Response:
    """Take one privilege away."""
    with sandbox.work() as work:
        feature = get_feature(work.session, code)
        delete_privilege(work, feature, privilege)
        return _answer(feature)


def _answer(feature: Feature) -> Response:
    return LagoResponse({"feature": feature_object(feature)})
