"""Queries on jobs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, func, select

from press_app.jobs.lifecycle import OPEN
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session


def select_jobs(*, team_ids: Sequence[str] | None, target: str | None) -> Select[Job]:
    """Jobs of these teams (None: of all), about one target where it is given."""
    query = select(Job)
    if team_ids is not None:
        query = query.where(Job.team_id.in_(team_ids))
    if target is not None:
        query = query.where(Job.target == target)
    return query


def list_open_on(session: Session | ReadSession, targets: Sequence[str]) -> list[Job]:
    """The jobs that work on these targets now."""
    return list(session.scalars(select(Job).where(Job.target.in_(targets), Job.status.in_(OPEN))))


def find_newest(session: Session | ReadSession, target: str, operation: str) -> Job | None:
    """The newest job of this kind on ``target``."""
    query = select(Job).where(Job.target == target, Job.operation == operation)
    return session.scalar(query.order_by(Job.id.desc()).limit(1))


def list_open(session: Session | ReadSession, server_id: str, limit: int = 500) -> list[Job]:
    query = select(Job).where(Job.server_id == server_id, Job.status.in_(OPEN)).order_by(Job.id).limit(limit)
    return list(session.scalars(query))


def is_open_on(session: Session | ReadSession, server_id: str, operation: str) -> bool:
    query = select(Job.id).where(Job.server_id == server_id, Job.status.in_(OPEN), Job.operation == operation)
    return session.scalar(query.limit(1)) is not None


SERVERS_WITH_OPEN = select(Job.server_id).where(Job.status.in_(OPEN)).distinct()
# In the order of the index: sorted by id, the whole history would be walked to find none.
UNSETTLED = (
    select(Job.id)
    .where(Job.settled_at.is_(None), Job.ended_at.is_not(None))
    .order_by(Job.ended_at)
    .limit(200)
)


def list_servers_with_open(session: Session | ReadSession) -> list[str]:
    return list(session.scalars(SERVERS_WITH_OPEN))


def list_unsettled(session: Session | ReadSession) -> list[str]:
    """Ended jobs whose result nobody took yet, the longest ended first."""
    return list(session.scalars(UNSETTLED))


def count_open(session: Session | ReadSession, operation: str) -> dict[str, int]:
    query = select(Job.server_id, func.count()).where(Job.status.in_(OPEN), Job.operation == operation)
    rows = session.execute(query.group_by(Job.server_id)).all()
    return {str(server_id): int(count) for server_id, count in rows}


def forget_ended(session: Session, *, before: datetime, only_routine: bool = False) -> None:
    """Remove jobs that were settled before, or only the routine ones among them."""
    query = delete(Job).where(Job.settled_at < before)
    if only_routine:
        query = query.where(Job.is_routine.is_(True))
    session.execute(query.execution_options(synchronize_session=False))
