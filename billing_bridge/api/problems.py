"""Every error leaves as a problem document (RFC 9457), and the OpenAPI says which ones to expect."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from billing_bridge.errors import BridgeError

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
SERVER_ERROR = 500
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110's words; Python before 3.13 has the older ones, and the document must not depend on it."""


def phrase_of(status: int) -> str:
    """The words that belong to an HTTP status."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


class Problem(BaseModel):
    """What an error answers with; `code` is for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    correlation_id: str | None


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """An error answer; `more` are further fields for programs."""
    content = Problem(
        type=f"urn:press:bridge:{code}",
        title=phrase_of(status),
        status=status,
        detail=detail,
        code=code,
        correlation_id=correlation_id.get(),
    ).model_dump()
    headers = {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse({**more, **content}, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry for the error statuses of a route."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": phrase_of(status), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Map every kind of error to a problem document."""
    for kind in (BridgeError, RequestValidationError, HTTPException, SQLAlchemyError, Exception):
        app.add_exception_handler(kind, _on_error)


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    return answer_error(request, error)


def answer_error(request: Request, error: Exception) -> JSONResponse:
    """The problem document that belongs to `error`; what is this side's fault is logged, too."""
    for kind, answer in _ANSWERS:
        if isinstance(error, kind):
            return answer(request, error)
    return _on_unexpected(request, error)


def _on_bridge_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BridgeError)
    if error.status >= SERVER_ERROR:
        log.warning("request_failed", path=request.url.path, code=error.code, error=error.message)
    return problem(error.status, error.code, error.message)


def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in one["loc"]), "message": one["msg"]} for one in error.errors()
    ]
    said = "; ".join(f"{one['where']}: {one['message']}" for one in found[:3])
    return problem(
        422, "invalid_request", f"The request was not understood and changed nothing: {said}", errors=found
    )


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, "http_error", f"{request.method} {request.url.path}: {error.detail}")


def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    log.error("database_failed", path=request.url.path, error=str(error)[:500])
    return problem(
        503,
        "database_unavailable",
        "The database did not answer; nothing is certain to be stored. Send it again.",
    )


def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected", path=request.url.path, exc_info=error)
    return problem(
        500, "unexpected", "Something unforeseen happened; the log has it under this correlation id."
    )


_ANSWERS: tuple[tuple[type[Exception], Callable[[Request, Exception], JSONResponse]], ...] = (
    (BridgeError, _on_bridge_error),
    (RequestValidationError, _on_validation_error),
    (HTTPException, _on_http_error),
    (SQLAlchemyError, _on_database_error),
)
