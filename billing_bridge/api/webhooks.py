"""`POST /webhooks/lago`: prove, read, store, acknowledge; the work is done by somebody else later."""

import asyncio
import time
from enum import StrEnum
from typing import Any, Literal

from asgi_correlation_id import correlation_id
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from billing_bridge.api.metrics import Metrics
from billing_bridge.api.problems import answer_error, problems
from billing_bridge.api.signature import SignatureVerifier
from billing_bridge.bootstrap import Bridge
from billing_bridge.errors import BodyTooLarge, BodyTooSlow, BridgeError, OrganizationRefused, WebhookRefused
from billing_bridge.handlers.table import HANDLERS
from billing_bridge.inbox.envelope import Envelope, read_envelope, read_key
from billing_bridge.inbox.events import NewEvent
from billing_bridge.inbox.ringer import Ringer
from billing_bridge.inbox.writer import InboxWriter

PATH = "/webhooks/lago"
HEADERS = ("X-Lago-Signature", "X-Lago-Signature-Algorithm", "X-Lago-Unique-Key")


class Received(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"


class Receipt(BaseModel):
    """Told to Lago after the event is on disk; both words are success."""

    received: Literal["new", "duplicate"]
    handled: bool
    """False for event types that the bridge keeps but does not act on."""


RECEIPTS = {
    (received, handled): Receipt(received=received.value, handled=handled).model_dump_json().encode()
    for received in Received
    for handled in (True, False)
}


class WebhookIntake:
    """Takes one delivery from the socket to the disk."""

    def __init__(self, bridge: Bridge, *, verifier: SignatureVerifier, metrics: Metrics) -> None:
        self._settings = bridge.settings
        self._writer = InboxWriter(
            bridge.store, clock=bridge.clock, on_work=Ringer(bridge.doorbell).ring_soon
        )
        self._verifier = verifier
        self._metrics = metrics

    async def answer(self, request: Request) -> Response:
        """The receipt, or a problem; measured from the first byte of the request to the first byte of this."""
        started = time.perf_counter()
        try:
            return Response(RECEIPTS[await self._accept(request)], media_type="application/json")
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            return answer_error(request, error)
        finally:
            self._metrics.acknowledged.observe(time.perf_counter() - started)

    async def _accept(self, request: Request) -> tuple[Received, bool]:
        """Raises the bridge's 4xx errors for whatever is not a proven, well-formed delivery."""
        signature, algorithm, unique_key = (request.headers.get(name) for name in HEADERS)
        try:
            raw = await self._read_body(request)
            envelope = await self._prove(raw, signature, algorithm)
            key = read_key(unique_key)
        except BridgeError as error:
            self._metrics.count_received("unproven", error.code)
            raise
        known = envelope.webhook_type in HANDLERS
        is_new = await self._writer.put(
            NewEvent(
                unique_key=key,
                webhook_type=envelope.webhook_type,
                organization_id=envelope.organization_id,
                body=raw,
                correlation_id=correlation_id.get(),
                ignored=not known,
            )
        )
        received = Received.NEW if is_new else Received.DUPLICATE
        self._metrics.count_received(envelope.webhook_type if known else "other", received)
        return received, known

    async def _prove(self, raw: bytes, signature: str | None, algorithm: str | None) -> Envelope:
        if algorithm == "jwt":  # May ask Lago for its key, which must not stop the loop.
            await run_in_threadpool(self._verifier.verify, raw, signature=signature, algorithm=algorithm)
        else:
            self._verifier.verify(raw, signature=signature, algorithm=algorithm)
        envelope = read_envelope(raw)
        ours = self._settings.lago_organization_id
        if ours is not None and envelope.organization_id != ours:
            raise OrganizationRefused("The delivery belongs to another organisation; nothing was stored.")
        return envelope

    async def _read_body(self, request: Request) -> bytes:
        limit = self._settings.webhook_max_bytes
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            raise BodyTooLarge(f"The body is larger than {limit} bytes; nothing was stored.")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.webhook_body_seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > limit:
                        raise BodyTooLarge(f"The body is larger than {limit} bytes; nothing was stored.")
                    parts.append(part)
        except TimeoutError as error:
            raise BodyTooSlow(
                "The body did not arrive in time; nothing was stored. Send it again."
            ) from error
        except ClientDisconnect as error:
            raise WebhookRefused(
                "The sender hung up before the body was complete; nothing was stored."
            ) from error
        return b"".join(parts)


class Shortcut:
    """Leads deliveries straight to the intake: the ways of the framework cost more than all of its work."""

    def __init__(self, app: ASGIApp, intake: WebhookIntake) -> None:
        self._app = app
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            response = await self._intake.answer(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def make_router(intake: WebhookIntake) -> APIRouter:
    """The route for the document and for other methods; deliveries usually come by the `Shortcut`."""
    router = APIRouter(tags=["webhooks"])
    text = {"schema": {"type": "string"}, "in": "header", "required": True}
    described: dict[str, Any] = {
        "parameters": [text | {"name": name} for name in HEADERS],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    }

    @router.post(
        PATH,
        response_model=Receipt,
        responses=problems(400, 401, 403, 408, 413, 502, 503),
        openapi_extra=described,
        summary="Take a webhook of Lago's",
    )
    async def receive(request: Request) -> Response:
        return await intake.answer(request)

    return router
