"""The same request again gets the same answer: kept in the very transaction of what the request made."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from press_app.errors import Conflict
from press_app.kit.db import ID, Base, Exact, Moment
from press_app.kit.ids import new_id
from press_app.work.unit_of_work import UnitOfWork

KEEP = timedelta(hours=24)


class IdempotencyKeyReused(Conflict):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class AnswerRow(Base):
    """What was answered to a request with an idempotency key."""

    __tablename__ = "idempotency"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    place: Mapped[str] = mapped_column(Exact(320), unique=True)
    """``<subject> <key>``: keys of different callers never meet."""
    request_sha256: Mapped[str] = mapped_column(String(64))
    """Over method, path and body."""
    status: Mapped[int | None] = mapped_column()
    """None only inside the transaction that is still making the answer."""
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)


def claim(uow: UnitOfWork, *, actor: str, key: str, request_sha256: str) -> tuple[AnswerRow, bool]:
    """The row of this key, and whether it is new. Raises :class:`IdempotencyKeyReused`.

    Of two at once the second waits for the first one's transaction, and finds its answer or takes its place.
    """
    place = f"{actor} {key}"
    uow.session.execute(
        delete(AnswerRow).where(AnswerRow.place == place, AnswerRow.created_at < uow.now() - KEEP)
    )
    row = AnswerRow(id=new_id(), place=place, request_sha256=request_sha256, created_at=uow.now())
    try:
        with uow.session.begin_nested():
            uow.session.add(row)
    except IntegrityError:
        return _find_stored(uow, place, request_sha256), False
    return row, True


def store(uow: UnitOfWork, row_id: str, *, status: int, answer: dict[str, Any]) -> None:
    """Keep the answer for whoever sends the key again."""
    row = update(AnswerRow).where(AnswerRow.id == row_id)
    uow.session.execute(row.values(status=status, answer=answer))


def _find_stored(uow: UnitOfWork, place: str, request_sha256: str) -> AnswerRow:
    stored = uow.session.scalar(select(AnswerRow).where(AnswerRow.place == place))
    if stored is None or stored.request_sha256 != request_sha256:
        message = (
            "This Idempotency-Key was used for another request. Nothing was changed. "
            "Send a new key for a new request."
        )
        raise IdempotencyKeyReused(message)
    return stored


def forget_expired(uow: UnitOfWork) -> int:
    """Remove answers older than a day. Returns how many."""
    gone = uow.session.execute(delete(AnswerRow).where(AnswerRow.created_at < uow.now() - KEEP))
    return int(getattr(gone, "rowcount", 0))
