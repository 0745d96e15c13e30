"""The round of backups that are taken by themselves: whose turn it is, and what is known of the newest."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, select

from press_app.benches.model import Bench
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.sites.service import starts
from press_app.work.unit_of_work import UnitOfWork

BACKUP_KIND = "scheduled"
BACKED_UP = (SiteStatus.ACTIVE, SiteStatus.SUSPENDED)
LONGEST_PLAN = timedelta(days=2)
"""Nothing is planned further ahead; what is was planned by a clock that was ahead."""


def _select_due(now: datetime) -> Iterator[Select[Any]]:
    """Sites whose turn it is, the longest due first. One after the other, because each alone is a range of the index."""
    due = Site.backup_due_at
    for status in BACKED_UP:
        for is_due in (and_(due.is_not(None), due <= now), due.is_(None), due > now + LONGEST_PLAN):
            yield select(Site.id).where(Site.status == status, is_due).order_by(due)


def is_any_due(session: Session | ReadSession, now: datetime) -> bool:
    """Whether it is any site's turn."""
    return any(session.scalar(query.limit(1)) is not None for query in _select_due(now))


def list_due(session: Session | ReadSession, now: datetime, server_id: str, limit: int) -> list[str]:
    """Sites of one server whose turn it is, the longest due first."""
    found: list[str] = []
    for query in _select_due(now):
        if len(found) >= limit:
            break
        there = query.join(Bench, Bench.id == Site.bench_id).where(Bench.server_id == server_id)
        found += session.scalars(there.limit(limit - len(found)))
    return found


def is_due(site: Site, now: datetime) -> bool:
    """Whether it still is its turn."""
    due = site.backup_due_at
    return site.status in BACKED_UP and (due is None or not now < due <= now + LONGEST_PLAN)


def start_round(uow: UnitOfWork, site: Site, following: datetime) -> Job:
    """Back the site up in its turn; the next one is due at ``following``. Raises ``busy``."""
    _, job = starts.start_backup(uow, site, kind=BACKUP_KIND, is_routine=True)
    site.backup_due_at = following
    return job


def note_backup(uow: UnitOfWork, site_id: str, *, taken_at: datetime, verified_at: datetime) -> None:
    """A backup of the site was read back; the site says so where it is the newest."""
    site = uow.session.get(Site, site_id)
    if site is not None and (site.backed_up_at is None or taken_at >= site.backed_up_at):
        site.backed_up_at, site.backup_verified_at = taken_at, verified_at


def hurry_backup(uow: UnitOfWork, site_id: str, due_at: datetime) -> None:
    """The one of this turn failed: the next is due then, and not a whole turn later."""
    site = uow.session.get(Site, site_id)
    if site is not None and site.backup_due_at is not None:
        site.backup_due_at = min(site.backup_due_at, due_at)


def list_unsaved(session: Session | ReadSession, latest: datetime, limit: int = 200) -> list[Site]:
    """Sites that have been active since before ``latest``, and have no verified backup that was taken since."""
    found: list[Site] = []
    # One after the other, because each alone is a range of the index.
    never = and_(Site.backed_up_at.is_(None), Site.created_at < latest)
    for is_old in (never, Site.backed_up_at < latest):
        active = (Site.status == SiteStatus.ACTIVE, Site.status_since < latest)
        found += session.scalars(select(Site).where(*active, is_old).limit(limit - len(found)))
    return found
