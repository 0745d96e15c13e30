"""Leases: exclusive work on one thing, with a purpose, handed on to whoever finishes it."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from press_app.errors import Conflict
from press_app.kit.db import ReadSession, Session
from press_app.work.model import LeaseRow
from press_app.work.unit_of_work import UnitOfWork


class SubjectBusy(Conflict):
    """Somebody else works on it."""

    code = "busy"


def hold(uow: UnitOfWork, subject: str, *, holder: str, purpose: str, within: timedelta) -> None:
    """Take the lease for ``holder``, or keep it when he has it. Raises :class:`SubjectBusy`.

    A lease past its time is taken over: whoever held it is gone, and the job protocol keeps him harmless.
    """
    now = uow.now()
    taken = uow.session.execute(
        update(LeaseRow)
        .where(LeaseRow.subject == subject, (LeaseRow.holder == holder) | (LeaseRow.until < now))
        .values(holder=holder, purpose=purpose, taken_at=now, until=now + within)
    )
    if getattr(taken, "rowcount", 0) == 1:
        return
    row = LeaseRow(subject=subject, holder=holder, purpose=purpose, taken_at=now, until=now + within)
    try:
        with uow.session.begin_nested():
            uow.session.add(row)
    except IntegrityError:
        current = uow.session.scalar(select(LeaseRow).where(LeaseRow.subject == subject))
        purpose_now = current.purpose if current else "work that just ended"
        message = f"Busy with: {purpose_now}. Nothing was changed. Try again when it has ended."
        raise SubjectBusy(message, subject=subject, purpose=purpose_now) from None


def release(uow: UnitOfWork, subject: str, *, holder: str) -> None:
    """Give the lease back; somebody else's lease stays."""
    uow.session.execute(delete(LeaseRow).where(LeaseRow.subject == subject, LeaseRow.holder == holder))


def find(uow: UnitOfWork, subject: str) -> LeaseRow | None:
    """Who holds it now, or None."""
    return find_live(uow.session, subject, uow.now())


def find_live(session: Session | ReadSession, subject: str, now: datetime) -> LeaseRow | None:
    """Who holds it at ``now``, or None."""
    return session.scalar(select(LeaseRow).where(LeaseRow.subject == subject, LeaseRow.until >= now))


def list_live(session: Session | ReadSession, now: datetime) -> set[str]:
    """Every subject that somebody holds at ``now``: as few as there is work, however many subjects there are."""
    return set(session.scalars(select(LeaseRow.subject).where(LeaseRow.until >= now)))
