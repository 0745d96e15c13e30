"""Cursor pagination by key: stable under inserts, flat in the number of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from press_app.errors import Invalid
from press_app.kit.crypto import b64, unb64
from press_app.kit.db import ReadSession, Session

T = TypeVar("T")
V = TypeVar("V")

MAX_LIMIT = 200


class CursorInvalid(Invalid):
    """The cursor was not made by this API."""

    code = "cursor_invalid"


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows and where to go on; ``next_cursor`` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True)
class PageRequest:
    """What the caller asked for."""

    cursor: str | None = None
    limit: int = 50


def read_page(
    session: Session | ReadSession,
    query: Select[T],
    key: InstrumentedAttribute[str],
    request: PageRequest,
    *,
    newest_first: bool = False,
) -> Page[T]:
    """Read one page ordered by the unique text column ``key``. Raises :class:`CursorInvalid`."""
    limit = max(1, min(request.limit, MAX_LIMIT))
    if request.cursor is not None:
        after = decode_cursor(request.cursor)
        query = query.where(key < after if newest_first else key > after)
    query = query.order_by(key.desc() if newest_first else key.asc()).limit(limit + 1)
    rows = list(session.scalars(query))
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], encode_cursor(getattr(rows[limit - 1], key.key)))


def encode_cursor(key: str) -> str:
    """An opaque cursor that goes on after ``key``."""
    return b64(f"1:{key}".encode())


def decode_cursor(cursor: str) -> str:
    """The key in a cursor. Raises :class:`CursorInvalid`."""
    try:
        version, _, key = unb64(cursor).decode().partition(":")
    except ValueError:
        version, key = "", ""
    if version != "1" or not key:
        message = "This cursor was not made by this API. Nothing was read. Start again without a cursor."
        raise CursorInvalid(message)
    return key


class PageView(BaseModel, Generic[V]):
    """The JSON shape of a page; the last one has no ``next_cursor``."""

    items: list[V]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: Page[T], view: Callable[[T], V]) -> Self:
        """Each row as its view."""
        return cls(items=[view(item) for item in page.items], next_cursor=page.next_cursor)
