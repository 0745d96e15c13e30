"""What every router shares: answers, the API key, JSON bodies, pages."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from billing_bridge.sandbox.core import Sandbox
from billing_bridge.sandbox.errors import BadRequestError, SandboxError, UnauthorizedError
from billing_bridge.sandbox.webhooks.json_text import rails_json

DEFAULT_PER_PAGE = 100
ODD_PER_PAGE = 25
"""What a per_page that is no number means."""


class LagoResponse(Response):
    """JSON as Lago's web server writes it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return b"" if content is None else rails_json(content).encode()


def get_sandbox(request: Request) -> Sandbox:
    """The running sandbox."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def require_api_key(request: Request) -> None:
    """Raises UnauthorizedError unless the Bearer key is the configured one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    wanted = get_sandbox(request).settings.api_key.get_secret_value()
    if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), wanted.encode()):
        raise UnauthorizedError


async def read_json(request: Request) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object. Raises BadRequestError."""
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise BadRequestError("Bad Request") from error
    if not isinstance(body, dict):
        raise BadRequestError("Bad Request")
    return body


Box = Annotated[Sandbox, Depends(get_sandbox)]
Json = Annotated[dict[str, Any], Depends(read_json)]


def take_root(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object under the root key. Raises BadRequestError where it is missing or empty."""
    root = body.get(name)
    if not isinstance(root, dict) or not root:
        raise BadRequestError(f"BadRequest: param is missing or the value is empty: {name}")
    return root


@dataclass(frozen=True)
class Page:
    """Which page of how many rows."""

    number: int
    size: int


def read_page(request: Request) -> Page:
    """From ``page`` and ``per_page``; a per_page of 0 breaks the server, as it breaks Lago's."""
    page, size = request.query_params.get("page", "1"), request.query_params.get("per_page")
    number = int(page) if page.isdecimal() and int(page) > 0 else 1
    if size is None:
        return Page(number, DEFAULT_PER_PAGE)
    if not size.isdecimal():
        return Page(number, ODD_PER_PAGE)
    if int(size) == 0:
        raise SandboxError
    return Page(number, int(size))


def count_rows(session: Session, query: Select[Any]) -> int:
    """How many rows the query has without a page."""
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def list_page(session: Session, query: Select[Any], page: Page) -> list[Any]:
    """The rows of one page."""
    return list(session.scalars(query.limit(page.size).offset((page.number - 1) * page.size)))


def page_meta(page: Page, total: int) -> dict[str, Any]:
    """The ``meta`` of a list; an empty list is on page 0."""
    pages = ceil(total / page.size)
    return {
        "current_page": page.number if total else 0,
        "next_page": page.number + 1 if page.number < pages else None,
        "prev_page": page.number - 1 if 1 < page.number <= pages else None,
        "total_pages": pages,
        "total_count": total,
    }
