"""/webhook_endpoints, and the public key of signed webhooks"""

import base64
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

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
from billing_bridge.sandbox.outbox import Endpoint, Webhook
from billing_bridge.sandbox.serializers.other import endpoint_object
from billing_bridge.sandbox.webhooks.registry import WEBHOOK_TYPES

router = APIRouter()
PATH = "/webhook_endpoints"
MAX_ENDPOINTS = 10


@router.post(PATH)
def create(sandbox: Box, body: Json) -> Response:
    """At most ten, each address once; no list of types, or a star, means all."""
    given = take_root(body, "webhook_endpoint")
    with sandbox.work() as work:
        if (work.session.scalar(select(func.count()).select_from(Endpoint)) or 0) >= MAX_ENDPOINTS:
            raise ValidationError(base=["exceeded_limit"])
        _check(work.session, {"webhook_url": ""} | given, None)
        endpoint = Endpoint(
            webhook_url=given["webhook_url"],
            signature_algo=given.get("signature_algo") or "jwt",
            name=given.get("name"),
            event_types=given.get("event_types"),
            created_at=work.now,
        )
        work.session.add(endpoint)
        work.session.flush()
        return _answer(sandbox, endpoint)


@router.get(PATH)
def index(sandbox: Box, request: Request) -> Response:
    """All of them."""
    page, query = read_page(request), select(Endpoint).order_by(Endpoint.created_at.desc(), Endpoint.id)
    with sandbox.store.transaction() as session:
        organization = sandbox.settings.organization_id
        rows = [endpoint_object(each, organization) for each in list_page(session, query, page)]
        return LagoResponse({"webhook_endpoints": rows, "meta": page_meta(page, count_rows(session, query))})


@router.get(PATH + "/{lago_id}")
def show(sandbox: Box, lago_id: str) -> Response:
    """One of them."""
    with sandbox.store.transaction() as session:
        return _answer(sandbox, _get(session, lago_id))


@router.put(PATH + "/{lago_id}")
def update(sandbox: Box, lago_id: str, body: Json) -> Response:
    """Address, algorithm and types hold for retries under way, too."""
    given = take_root(body, "webhook_endpoint")
    with sandbox.work() as work:
        endpoint = _get(work.session, lago_id)
        _check(work.session, {"webhook_url": endpoint.webhook_url} | given, endpoint)
        for field in ("webhook_url", "signature_algo", "name", "event_types"):
            if field in given:
                setattr(endpoint, field, given[field])
        return _answer(sandbox, endpoint)


@router.delete(PATH + "/{lago_id}")
def destroy(sandbox: Box, lago_id: str) -> Response:
    """Its stored webhooks go with it."""
    with sandbox.work() as work:
        endpoint = _get(work.session, lago_id)
        answer = _answer(sandbox, endpoint)
        for webhook in work.session.scalars(select(Webhook).where(Webhook.endpoint_id == endpoint.id)):
            work.session.delete(webhook)
        work.session.flush()
        work.session.delete(endpoint)
        return answer


@router.get("/webhooks/json_public_key")
def json_public_key(sandbox: Box) -> Response:
    """Base64 of the PEM, with line breaks."""
    encoded = base64.encodebytes(sandbox.signer.public_pem).decode()
    return LagoResponse({"webhook": {"public_key": encoded}})


@router.get("/webhooks/public_key")
def public_key(sandbox: Box) -> Response:
    """The same as plain text."""
    return PlainTextResponse(base64.encodebytes(sandbox.signer.public_pem).decode())


def _get(session: Session, lago_id: str) -> Endpoint:
    endpoint = session.get(Endpoint, lago_id)
    if endpoint is None:
        raise NotFoundError("webhook_endpoint")
    return endpoint


def _check(session: Session, given: dict[str, Any], own: Endpoint | None) -> None:
    url = str(given["webhook_url"] or "")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValidationError(webhook_url=["url_invalid"])
    taken = session.scalar(select(Endpoint).where(Endpoint.webhook_url == url))
    if taken is not None and taken is not own:
        raise ValidationError(webhook_url=["value_already_exist"])
    if given.get("signature_algo") not in (None, "jwt", "hmac"):
        raise ValidationError(signature_algo=["value_is_invalid"])
    types = given.get("event_types")
    if types is not None and not {"*", *WEBHOOK_TYPES}.issuperset(types):
        raise ValidationError(event_types=["invalid_types"])


def _answer(sandbox: Box, endpoint: Endpoint) -> Response:
    return LagoResponse({"webhook_endpoint": endpoint_object(endpoint, sandbox.settings.organization_id)})
