"""The sandbox's FastAPI app."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import structlog
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import Depends, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from billing_bridge.sandbox.clock import machine_now
from billing_bridge.sandbox.config import Settings
from billing_bridge.sandbox.core import Sandbox
from billing_bridge.sandbox.errors import NotFoundError, SandboxError
from billing_bridge.sandbox.http import LagoResponse, require_api_key
from billing_bridge.sandbox.routers import (
    admin,
    customers,
    entitlements,
    events,
    features,
    health,
    invoices,
    page,
    payments,
    plans,
    subscriptions,
    webhook_endpoints,
)

API = "/api/v1"
RESOURCES = (
    entitlements, customers, features, plans, subscriptions, invoices, payments, events, webhook_endpoints,
)  # fmt: skip

log = structlog.get_logger(__name__)


def create_app(settings: Settings, *, time_source: Callable[[], datetime] = machine_now) -> FastAPI:
    """The whole server. Its threads start and stop with the app; ``time_source`` is the machine's clock."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sandbox = Sandbox(settings, time_source=time_source)
        app.state.sandbox = sandbox
        sandbox.start()
        yield
        sandbox.stop()

    app = FastAPI(title="Lago sandbox", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(CorrelationIdMiddleware, header_name="X-Correlation-ID")
    app.middleware("http")(_mark)
    app.add_exception_handler(SandboxError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_unknown_path)
    app.add_exception_handler(Exception, _on_breakdown)
    app.include_router(health.router)
    app.include_router(page.router)
    app.include_router(admin.router, dependencies=[Depends(require_api_key)])
    for resource in RESOURCES:
        app.include_router(resource.router, prefix=API, dependencies=[Depends(require_api_key)])
    return app


async def _mark(request: Request, call_next: Callable[[Request], Any]) -> Response:
    """Every answer says what gave it."""
    response: Response = await call_next(request)
    response.headers["X-Lago-Sandbox"] = "trial and test server, not Lago"
    return response


async def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SandboxError)
    return LagoResponse(error.body, status_code=error.status)


async def _on_unknown_path(_request: Request, _error: Exception) -> Response:
    """An unknown path or method is not found, with or without a key."""
    refusal = NotFoundError("resource")
    return LagoResponse(refusal.body, status_code=refusal.status)


async def _on_breakdown(_request: Request, error: Exception) -> Response:
    log.error("request failed; nothing of it was kept", exc_info=error)
    return LagoResponse({"status": 500, "error": "Internal Server Error"}, status_code=500)
