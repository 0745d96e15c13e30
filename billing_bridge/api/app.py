"""Builds the API from an assembled bridge."""

import re
import time
from datetime import timedelta

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from billing_bridge.api import health, operator, problems, webhooks
from billing_bridge.api.metrics import Metrics
from billing_bridge.api.signature import PublicKeyCache, SignatureVerifier
from billing_bridge.bootstrap import Bridge
from billing_bridge.errors import SettingsIncomplete

CORRELATION = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
DESCRIPTION = "Takes Lago's webhooks and tells the control plane which subscriptions shall run."


def create_app(bridge: Bridge) -> FastAPI:
    """The ASGI application; the webhook route exists only when a way to prove deliveries is configured."""
    app = FastAPI(
        title="Press billing bridge", version="0.1.0", description=DESCRIPTION, docs_url=None, redoc_url=None
    )
    metrics = Metrics(bridge)
    problems.install(app)
    app.include_router(health.make_router(bridge, metrics))
    app.include_router(operator.make_router(bridge))
    if bridge.settings.takes_webhooks:
        intake = webhooks.WebhookIntake(bridge, verifier=make_verifier(bridge), metrics=metrics)
        app.include_router(webhooks.make_router(intake))
        app.add_middleware(_Stopwatch, metrics=metrics)
    app.add_middleware(
        CorrelationIdMiddleware,
        header_name="X-Correlation-ID",
        update_request_header=False,
        validator=lambda value: CORRELATION.fullmatch(value) is not None,
    )
    schemas = app.openapi().setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = problems.Problem.model_json_schema()
    return app


def make_verifier(bridge: Bridge) -> SignatureVerifier:
    """Accepts what the settings allow; JWT needs the bridge's `LagoAdmin` for the public key."""
    settings = bridge.settings
    hmac_key = settings.webhook_hmac_key
    public_key = None
    if settings.webhook_jwt:
        if bridge.lago_admin is None:
            raise SettingsIncomplete("JWT webhooks need access to Lago's public key; nothing was started.")
        cooldown = timedelta(seconds=settings.webhook_public_key_cooldown)
        public_key = PublicKeyCache(bridge.lago_admin.get_public_key, clock=bridge.clock, cooldown=cooldown)
    return SignatureVerifier(
        hmac_key=hmac_key.get_secret_value() if hmac_key else None,
        public_key=public_key,
        issuer=settings.webhook_jwt_issuer,
        max_bytes=settings.webhook_max_header_bytes,
    )


class _Stopwatch:
    """Measures deliveries from the first byte of the request to the first byte of the answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/webhooks/lago":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.acknowledged.observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, send_measured)
