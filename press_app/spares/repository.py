"""Queries on spares."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench
from press_app.kit.db import ReadSession, Session
from press_app.spares.lifecycle import SpareStatus
from press_app.spares.model import Spare

STANDING = (SpareStatus.PREPARING, SpareStatus.READY, SpareStatus.LEAVING, SpareStatus.BROKEN)
"""States in which the host may hold something of it that is nobody's."""
TRIES = 5


def list_ready(session: Session, apps: str) -> list[Spare]:
    """The oldest ready ones on benches that take sites; one that another order takes just now is passed over."""
    query = (
        select(Spare)
        .join(Bench, Bench.id == Spare.bench_id)
        .where(Spare.status == SpareStatus.READY, Spare.apps == apps, Bench.status == BenchStatus.RUNNING)
        .order_by(Spare.created_at, Spare.id)
        .limit(TRIES)
        .with_for_update(of=Spare, skip_locked=True)
    )
    return list(session.scalars(query))


def list_on(session: Session | ReadSession, bench_ids: Sequence[str]) -> list[Spare]:
    query = select(Spare).where(Spare.bench_id.in_(bench_ids)).order_by(Spare.created_at, Spare.id)
    return list(session.scalars(query))


def list_bench_ids(session: Session | ReadSession) -> list[str]:
    """Benches that have any row here."""
    return list(session.scalars(select(Spare.bench_id).distinct()))


def forget_ended(session: Session, before: datetime) -> None:
    ended = (Spare.status.in_((SpareStatus.GIVEN, SpareStatus.GONE)), Spare.status_since < before)
    session.execute(delete(Spare).where(*ended).execution_options(synchronize_session=False))
