"""Reading the journal: the timeline of one subject, and the stream after a cursor."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select

from press_app.kit.db import ReadSession
from press_app.work.model import JournalRow
from press_app.work.unit_of_work import UnitOfWork

KEEP_STEPS = timedelta(days=30)
KEEP_LINES = timedelta(days=730)


def list_timeline(
    session: ReadSession, subject: str, *, before: int | None = None, limit: int = 100
) -> list[JournalRow]:
    """The newest lines about ``subject`` (``site:<id>``), newest first."""
    query = select(JournalRow).where(JournalRow.subject == subject)
    if before is not None:
        query = query.where(JournalRow.id < before)
    return list(session.scalars(query.order_by(JournalRow.id.desc()).limit(limit)))


def read_after(
    session: ReadSession,
    cursor: int,
    *,
    team_ids: Sequence[str] | None,
    subject: str | None = None,
    until: int | None = None,
    limit: int = 200,
) -> list[JournalRow]:
    """Lines after ``cursor`` and up to ``until``, oldest first; ``team_ids`` None reads everybody's."""
    query = select(JournalRow).where(JournalRow.id > cursor)
    if until is not None:
        query = query.where(JournalRow.id <= until)
    if team_ids is not None:
        query = query.where(JournalRow.team_id.in_(team_ids))
    if subject is not None:
        query = query.where(JournalRow.subject == subject)
    return list(session.scalars(query.order_by(JournalRow.id).limit(limit)))


def last_id(session: ReadSession) -> int:
    """Where the journal ends now."""
    return session.scalar(select(JournalRow.id).order_by(JournalRow.id.desc()).limit(1)) or 0


def forget_old(uow: UnitOfWork) -> None:
    """Remove steps of jobs after a month and everything else after two years."""
    now = uow.now()
    is_step = (JournalRow.kind == "job.step", JournalRow.at < now - KEEP_STEPS)
    uow.session.execute(delete(JournalRow).where(*is_step).execution_options(synchronize_session=False))
    # Lines are numbered in the order of time, so the first that stays says which ones go.
    kept = select(JournalRow.id).where(JournalRow.at >= now - KEEP_LINES).order_by(JournalRow.id).limit(1)
    first = uow.session.scalar(kept)
    is_old = JournalRow.at < now - KEEP_LINES if first is None else JournalRow.id < first
    uow.session.execute(delete(JournalRow).where(is_old).execution_options(synchronize_session=False))
