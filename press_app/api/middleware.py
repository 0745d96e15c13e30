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
from starlette.responses import Response
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

    A credential is counted where it is known whose it is. Here everybody else is, by address: who has none, and who shows
    one that proves nothing. What proves a caller sets ``state.actor``.
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
        if scope["path"] in QUIET:
            await self._app(scope, receive, send)
        elif self._claims_to_be_somebody(headers):
            await self._app(scope, receive, self._count_until_proven(scope, receive, send))
        elif self._has_room(scope):
            await self._app(scope, receive, send)
        else:
            await too_often()(scope, receive, send)

    def _claims_to_be_somebody(self, headers: Headers) -> bool:
        return "authorization" in headers or self._cookie in headers.get("cookie", "")

    def _has_room(self, scope: Scope) -> bool:
        return self._throttle.hit(self._limit, "anonymous", client_address(scope))

    def _count_until_proven(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """Whose credential turned out to be nobody's is counted as a stranger, and hears so instead of the answer.

        Nothing is lost with the answer: without a proof it is a refusal, or something that anybody may read.
        """
        is_refused = False

        async def send_or_refuse(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                # While a dependency is away nobody can prove anything; that is no guess.
                is_proven = "actor" in scope.get("state", {}) or message["status"] >= 500  # noqa: PLR2004 - HTTP's own border
                if not is_proven and not self._has_room(scope):
                    is_refused = True
                    await too_often()(scope, receive, send)
            if not is_refused:
                await send(message)

        return send_or_refuse


def too_often() -> Response:
    """What strangers hear when their address has asked enough."""
    detail = "Too many requests from this address without a credential that holds. Nothing was changed. Try again in a minute."
    return problem(429, "too_many_requests", detail, headers={"Retry-After": "60"})


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
