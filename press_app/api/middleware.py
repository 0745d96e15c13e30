"""What happens around every request: correlation id, limits, security headers, access log, metrics."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from asgi_correlation_id import CorrelationIdMiddleware
from asgi_correlation_id.context import correlation_id
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from press_app.access.authentication import cookie_name
from press_app.api.metrics import HttpMetrics
from press_app.api.problems import internal_problem, problem
from press_app.config import Settings
from press_app.kit.ids import new_id
from press_app.kit.throttle import Throttle

log = structlog.get_logger(__name__)

CORRELATION_HEADER = "X-Correlation-ID"
MAX_BODY_BYTES = 1_000_000
QUIET = frozenset({"/health", "/ready", "/metrics"})
"""Asked all the time by machines: not limited, and logged only when they fail."""
GONE = 499
"""What the log says of a caller who did not wait for the answer."""
API_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_DIGITS = re.compile(r"[0-9]{1,12}")
_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_middleware(app: FastAPI, settings: Settings, throttle: Throttle, metrics: HttpMetrics) -> None:
    """Wrap the app; the last one added is the outermost."""
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(Gate, settings=settings, throttle=throttle)
    app.add_middleware(Witness, metrics=metrics, is_https=settings.public_url.startswith("https://"))
    app.add_middleware(
        CorrelationIdMiddleware,
        header_name=CORRELATION_HEADER,
        generator=new_id,
        validator=lambda text: _CORRELATION.fullmatch(text) is not None,
    )


class Gate:
    """Turns away what is too large or comes too often, before anything is read.

    Callers with a credential are counted once it is known whose it is; here, those without one by address.
    """

    def __init__(self, app: ASGIApp, settings: Settings, throttle: Throttle) -> None:
        self._app = app
        self._throttle = throttle
        self._limit = f"{settings.anonymous_requests_per_minute}/minute"
        self._cookie = f"{cookie_name(settings)}="

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not _DIGITS.fullmatch(length) or int(length) > MAX_BODY_BYTES:
            detail = (
                f"A request body has at most {MAX_BODY_BYTES} bytes. Nothing was changed. Send less at once."
            )
            await problem(413, "body_too_large", detail)(scope, receive, send)
            return
        if self._is_too_often(scope, headers):
            detail = "Too many requests without a credential from this address. Nothing was changed. Try again in a minute."
            answer = problem(429, "too_many_requests", detail, headers={"Retry-After": "60"})
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_too_often(self, scope: Scope, headers: Headers) -> bool:
        is_known = "authorization" in headers or self._cookie in headers.get("cookie", "")
        if is_known or scope["path"] in QUIET:
            return False
        return not self._throttle.hit(self._limit, "anonymous", client_address(scope))


class Witness:
    """Sets security headers, counts, writes one log line, and answers for what nobody caught."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: HttpMetrics,
        is_https: bool,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._is_https = is_https
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(started=self._timer())

        async def send_and_see(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.code = message["status"]
                add_security_headers(MutableHeaders(scope=message), is_https=self._is_https)
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id.get()):
            try:
                await self._app(scope, receive, send_and_see)
            except ClientDisconnect:
                seen.code = seen.code or GONE
            except Exception as error:
                log.exception("api.unexpected", error=type(error).__name__)
                if seen.code:
                    raise  # half an answer is out; the server must break the connection
                await internal_problem()(scope, receive, send_and_see)
            finally:
                self._tell(scope, seen)

    def _tell(self, scope: Scope, seen: "_Seen") -> None:
        seconds = self._timer() - seen.started
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.observe(scope["method"], route, seen.code, seconds)
        if scope["path"] in QUIET and seen.code < 400:  # noqa: PLR2004 - HTTP's own border
            return
        log.info(
            "api.request",
            method=scope["method"],
            path=scope["path"][:200],
            route=route,
            status=seen.code,
            milliseconds=round(seconds * 1000, 1),
            address=client_address(scope),
            actor=scope.get("state", {}).get("actor"),
        )


@dataclass
class _Seen:
    started: float
    code: int = 0


def add_security_headers(headers: MutableHeaders, *, is_https: bool) -> None:
    """What every answer tells browsers; a page that needs more brings its own policy."""
    headers.setdefault("Content-Security-Policy", API_CSP)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    if is_https:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def client_address(scope: Scope) -> str:
    """The caller's IP address, as the server sees it (behind a proxy: as the trusted proxy says)."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
