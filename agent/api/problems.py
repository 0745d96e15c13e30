"""Errors as ``application/problem+json``."""

from http import HTTPStatus
from typing import Any

import structlog
from asgi_correlation_id.context import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from agent.errors import AgentError

CONTENT_TYPE = "application/problem+json"
log = structlog.get_logger(__name__)
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110's words; Python before 3.13 has the older ones, and the document must not depend on it."""


def phrase_of(status: int) -> str:
    """The words that belong to an HTTP status."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


class Problem(BaseModel):
    """What happened, what it did to the data, what to do next; programs read ``code``."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    correlation_id: str | None = None


def responses(
    *statuses: int, also: dict[int | str, dict[str, Any]] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Document the problems that an endpoint can answer with."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    problems: dict[int | str, dict[str, Any]] = {
        status: {
            "description": phrase_of(status),
            "model": Problem,
            "content": {CONTENT_TYPE: schema},
        }
        for status in statuses
    }
    return problems | (also or {})


def install(app: FastAPI) -> None:
    """Map every error to a problem."""
    app.add_exception_handler(AgentError, _agent_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _crash)


def answer(
    *, status: int, title: str, detail: str, code: str, context: dict[str, Any] | None = None
) -> JSONResponse:
    """One problem; ``context`` never replaces a standard member."""
    body = {
        **(context or {}),
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "correlation_id": correlation_id.get(),
    }
    return JSONResponse(body, status_code=status, media_type=CONTENT_TYPE)


def _agent_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AgentError):
        raise error
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request.failed", code=error.code, error=error.message)
    return answer(
        status=error.status, title=error.title, detail=error.message, code=error.code, context=error.context
    )


def _invalid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors()
    ]
    return answer(
        status=422,
        title="The request does not fit",
        detail="The request does not fit the contract; nothing was touched. Correct the fields that are named.",
        code="params_invalid",
        context={"errors": errors},
    )


def _http_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    phrase = phrase_of(error.status_code)
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    return answer(
        status=error.status_code, title=phrase, detail=f"{error.detail}. Nothing was touched.", code=code
    )


def _crash(_: Request, error: Exception) -> JSONResponse:
    log.error("request.crashed", exc_info=error)
    return answer(
        status=500,
        title="The agent met an error of its own",
        detail=f"{type(error).__name__}; what was written down before stands. Look into the agent's log, then send again.",
        code="internal_error",
    )
