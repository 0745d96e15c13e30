"""The round of backups: each site in its turn, some at a time on each host."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from press_app.backups import rules
from press_app.jobs import service as jobs
from press_app.kit.db import ReadSession
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.lifecycle import SiteStatus
from press_app.work import lease
from press_app.work.unit_of_work import UnitOfWork

OPERATION = "take_backup"


@dataclass(frozen=True)
class Turn:
    """How often it is a site's turn, and how many of a host are at it at a time."""

    interval: timedelta
    per_server: int


def is_anything_due(session: ReadSession, now: datetime) -> bool:
    """Whether a turn has come; asked all the time, so it is cheap."""
    return sites.is_any_due(session, now)


def list_due(session: ReadSession, now: datetime, per_server: int) -> list[str]:
    """Sites that are backed up now: of each host the longest due, as many as it has room for, none that is worked on."""
    busy = lease.list_live(session, now)
    taking = jobs.count_open(session, OPERATION)
    found: list[str] = []
    for server in servers.list_working(session):
        room = per_server - taking.get(server.id, 0)
        if room <= 0:
            continue
        due = sites.list_due(session, now, server.id, room + len(busy))
        found += [site_id for site_id in due if f"site:{site_id}" not in busy][:room]
    return found


def take_turn(uow: UnitOfWork, site_id: str, turn: Turn) -> bool:
    """Back one site up, or plan when it is. True when a backup was started; raises ``busy``."""
    site, now = sites.get_site(uow.session, site_id), uow.now()
    if not sites.is_due(site, now):
        return False
    if site.backup_due_at is None and site.backed_up_at is None:
        site.backup_due_at = rules.first_turn(site.id, site.created_at, now, turn.interval)
        if site.backup_due_at > now:
            return False
    closed_since = site.status_since if site.status is SiteStatus.SUSPENDED else None
    following = now + turn.interval
    if rules.is_unchanged(site.backed_up_at, closed_since, now, turn.interval):
        site.backup_due_at = following
        return False
    sites.start_round(uow, site, following)
    return True
