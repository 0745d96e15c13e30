"""Queries on spares."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench
from press_app.kit.db import ReadSession, Session
from press_app.spares.lifecycle import SpareStatus
from press_app.spares.model import Miss, Spare

STANDING = (SpareStatus.PREPARING, SpareStatus.READY, SpareStatus.LEAVING, SpareStatus.BROKEN)
"""States in which the host may hold something of it that is nobody's."""
TRIES = 20


def take_ready(session: Session, apps: str, locale: str) -> Iterator[Spare]:
    """Ready ones on benches with room, the oldest first, each locked when it is taken from here.

    One that another order has locked is passed over. They are looked for without a lock and locked one by one:
    MariaDB would lock the bench, too, and every one that was looked at.
    """
    candidates = (
        select(Spare.id)
        .join(Bench, Bench.id == Spare.bench_id)
        .where(Spare.status == SpareStatus.READY, Spare.apps == apps, Spare.locale == locale)
        .where(Bench.status == BenchStatus.RUNNING, Bench.site_count < Bench.max_sites)
        .order_by(Spare.created_at, Spare.id)
        .limit(TRIES)
    )
    for spare_id in session.scalars(candidates).all():
        ready = select(Spare).where(Spare.id == spare_id, Spare.status == SpareStatus.READY)
        spare = session.scalar(ready.with_for_update(skip_locked=True))
        if spare is not None:
            yield spare


def list_on(session: Session | ReadSession, bench_ids: Sequence[str]) -> list[Spare]:
    query = select(Spare).where(Spare.bench_id.in_(bench_ids)).order_by(Spare.created_at, Spare.id)
    return list(session.scalars(query))


def list_bench_ids(session: Session | ReadSession) -> list[str]:
    """Benches that have any row here."""
    return list(session.scalars(select(Spare.bench_id).distinct()))


def forget_ended(session: Session, before: datetime) -> None:
    ended = (Spare.status.in_((SpareStatus.GIVEN, SpareStatus.GONE)), Spare.status_since < before)
    session.execute(delete(Spare).where(*ended).execution_options(synchronize_session=False))
    session.execute(delete(Miss).where(Miss.at < before).execution_options(synchronize_session=False))


def count_misses(session: Session) -> dict[tuple[str, str], int]:
    """Apps and home → sites that were made without a spare of them."""
    query = select(Miss.apps, Miss.locale, func.count()).group_by(Miss.apps, Miss.locale)
    return {(apps, locale): number for apps, locale, number in session.execute(query)}
