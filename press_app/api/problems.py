"""Every failure leaves as a problem (RFC 9457); what nobody expected leaves without its text."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from asgi_correlation_id.context import correlation_id
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from press_app.access.dependencies import Replayed
from press_app.access.problems import PROBLEM_JSON, phrase_of
from press_app.errors import PressError
from press_app.work.unit_of_work import stale_write

log = structlog.get_logger(__name__)

REPLAYED_HEADER = "Idempotency-Replayed"
_CODES = {
    400: "request_malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    title: str | None = None,
    headers: dict[str, str] | None = None,
    context: Mapping[str, object] | None = None,
) -> JSONResponse:
    """The answer for one failure. ``context`` never replaces a standard member."""
    body = {
        **(context or {}),
        "type": "about:blank",
        "title": title or phrase_of(status),
        "status": status,
        "detail": detail,
        "code": code,
        "correlation_id": correlation_id.get(),
    }
    return JSONResponse(jsonable_encoder(body), status, headers, media_type=PROBLEM_JSON)


def problem_of(error: PressError) -> JSONResponse:
    """The answer for one of our own errors."""
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.context:
        headers["Retry-After"] = str(error.context["retry_after"])
    return problem(
        error.status, error.code, error.message, title=error.title, headers=headers, context=error.context
    )


def internal_problem() -> JSONResponse:
    """The answer for what nobody expected; the log has the rest, under the correlation id."""
    detail = (
        "Something went wrong here. Unless it was answered before, nothing was changed. Try again; if it stays, "
        "give the correlation id to the operator."
    )
    return problem(500, "internal_error", detail)


def add_problem_handlers(app: FastAPI) -> None:
    """Register one handler for each kind of failure."""
    app.add_exception_handler(PressError, _on_press_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(StaleDataError, _on_stale)
    app.add_exception_handler(OperationalError, _on_database)
    app.add_exception_handler(IntegrityError, _on_integrity)
    app.add_exception_handler(UnicodeEncodeError, _on_broken_text)
    app.add_exception_handler(Replayed, _on_replayed)


async def _on_press_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PressError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("api.failed", code=error.code, error=error.message, exc_info=error)
    return problem_of(error)


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The values that were sent are left out: they may be passwords.
    errors = [
        {"where": ".".join(str(part) for part in item["loc"]), "message": item["msg"], "type": item["type"]}
        for item in error.errors()
    ]
    first = f"{errors[0]['where']}: {errors[0]['message']}" if errors else "unreadable"
    detail = f"The request does not fit this endpoint ({first}). Nothing was changed. Correct it and send it again."
    return problem(422, "request_invalid", detail, context={"errors": errors})


async def _on_broken_text(_request: Request, _error: Exception) -> JSONResponse:
    detail = (
        "A text in the request has half of a character (a lone surrogate). Nothing was changed. Correct it."
    )
    return problem(422, "request_invalid", detail)


async def _on_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code) or phrase_of(error.status_code).lower().replace(" ", "_")
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, code, f"{error.detail}. Nothing was changed.", headers=headers)


async def _on_stale(_request: Request, _error: Exception) -> JSONResponse:
    return problem_of(stale_write())


async def _on_database(_request: Request, error: Exception) -> JSONResponse:
    log.error("api.database_away", error=type(error).__name__, exc_info=error)
    detail = "The database did not answer in time. Nothing was changed. Try again in some seconds."
    return problem(503, "database_busy", detail, headers={"Retry-After": "2"})


async def _on_integrity(_request: Request, error: Exception) -> JSONResponse:
    log.warning("api.integrity", error=type(error).__name__, exc_info=error)
    detail = "Somebody else made or removed the same thing at this moment. Nothing was changed. Look again."
    return problem(409, "conflict", detail)


async def _on_replayed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Replayed)
    return JSONResponse(error.answer, error.status, {REPLAYED_HEADER: "true"})
