"""Builds the API from an assembled bridge."""

import random
import re
from datetime import timedelta

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI

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
        app.add_middleware(webhooks.Shortcut, intake=intake)
    app.add_middleware(
        CorrelationIdMiddleware,
        header_name="X-Correlation-ID",
        update_request_header=False,
        validator=lambda value: CORRELATION.fullmatch(value) is not None,
        generator=make_correlation_id,
    )
    schemas = app.openapi().setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = problems.Problem.model_json_schema()
    return app


def make_correlation_id() -> str:
    """Tells requests apart and guards nothing, so no system call is spent on it."""
    return f"{random.getrandbits(128):032x}"


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
