"""`POST /webhooks/lago`: prove, read, store, acknowledge; the work is done by somebody else later."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Literal

from asgi_correlation_id import correlation_id
from fastapi import APIRouter, BackgroundTasks, Header, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from billing_bridge.api.metrics import Metrics
from billing_bridge.api.problems import problems
from billing_bridge.api.signature import SignatureVerifier
from billing_bridge.bootstrap import Bridge
from billing_bridge.errors import BodyTooLarge, BodyTooSlow, BridgeError, OrganizationRefused, WebhookRefused
from billing_bridge.handlers.table import HANDLERS
from billing_bridge.inbox.envelope import Envelope, read_envelope, read_key
from billing_bridge.inbox.store import NewEvent
from billing_bridge.inbox.writer import InboxWriter

Accept = Callable[[Request, "Delivery", BackgroundTasks], Awaitable["Receipt"]]


class Receipt(BaseModel):
    """Told to Lago after the event is on disk; both words are success."""

    received: Literal["new", "duplicate"]
    handled: bool
    """False for event types that the bridge keeps but does not act on."""


class Received(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"


class Delivery(BaseModel):
    """The headers of a delivery."""

    signature: str | None
    algorithm: str | None
    unique_key: str | None


class WebhookIntake:
    """Takes one delivery from the socket to the disk."""

    def __init__(self, bridge: Bridge, *, verifier: SignatureVerifier, metrics: Metrics) -> None:
        self._settings = bridge.settings
        self._doorbell = bridge.doorbell
        self._writer = InboxWriter(bridge.store, clock=bridge.clock)
        self._verifier = verifier
        self._metrics = metrics

    async def accept(self, request: Request, delivery: Delivery, background: BackgroundTasks) -> Receipt:
        """Raises the bridge's 4xx errors for whatever is not a proven, well-formed delivery."""
        try:
            raw = await self._read_body(request)
            envelope = await self._prove(raw, delivery)
            key = read_key(delivery.unique_key)
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
        if is_new and known:
            background.add_task(self._doorbell.ring)
        received = Received.NEW if is_new else Received.DUPLICATE
        self._metrics.count_received(envelope.webhook_type if known else "other", received)
        return Receipt(received=received.value, handled=known)

    async def _prove(self, raw: bytes, delivery: Delivery) -> Envelope:
        if delivery.algorithm == "jwt":  # May ask Lago for its key, which must not stop the loop.
            await run_in_threadpool(
                self._verifier.verify, raw, signature=delivery.signature, algorithm=delivery.algorithm
            )
        else:
            self._verifier.verify(raw, signature=delivery.signature, algorithm=delivery.algorithm)
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


def make_router(intake: WebhookIntake) -> APIRouter:
    router = APIRouter(tags=["webhooks"])
    body = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}

    @router.post(
        "/webhooks/lago",
        responses=problems(400, 401, 403, 408, 413, 502, 503),
        openapi_extra={"requestBody": body},
        summary="Take a webhook of Lago's",
    )
    async def receive(
        request: Request,
        background: BackgroundTasks,
        x_lago_signature: Annotated[str | None, Header()] = None,
        x_lago_signature_algorithm: Annotated[str | None, Header()] = None,
        x_lago_unique_key: Annotated[str | None, Header()] = None,
    ) -> Receipt:
        delivery = Delivery(
            signature=x_lago_signature, algorithm=x_lago_signature_algorithm, unique_key=x_lago_unique_key
        )
        return await intake.accept(request, delivery, background)

    return router
