"""Reading sites."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, and_, bindparam, exists, literal, or_, select
from sqlalchemy.orm import load_only

from press_app.jobs.lifecycle import OPEN
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.sites import rules
from press_app.sites.errors import LoginLinkUnknown, SiteUnknown
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Hold, LoginLink, Site

PRIORITY = (HoldKind.SECURITY, HoldKind.OPERATOR, HoldKind.BILLING, HoldKind.QUOTA)
"""Of several holds the first of these is told to visitors."""

MOST_ASTRAY = 500
"""Sites that one look finds; what is left is found by the next."""

WORKING = (
    SiteStatus.INSTALLING,
    SiteStatus.SUSPENDING,
    SiteStatus.RESUMING,
    SiteStatus.ARCHIVING,
    SiteStatus.RESTORING,
    SiteStatus.UPDATING,
)


def get_site(session: Session | ReadSession, site_id: str) -> Site:
    """The site. Raises :class:`SiteUnknown`."""
    site = session.get(Site, site_id)
    if site is None:
        message = f"There is no site {site_id}."
        raise SiteUnknown(message, site_id=site_id)
    return site


def find_site(session: Session | ReadSession, site_id: str) -> Site | None:
    return session.get(Site, site_id)


def find_by_hostname(session: Session | ReadSession, hostname: str) -> Site | None:
    return session.scalar(select(Site).where(Site.hostname == hostname))


def list_sites(
    session: ReadSession,
    request: PageRequest,
    *,
    team_ids: Sequence[str] | None,
    status: SiteStatus | None = None,
    name: str | None = None,
) -> Page[Site]:
    """Sites of these teams (None: of all), newest first."""
    query = select(Site)
    if team_ids is not None:
        query = query.where(Site.team_id.in_(team_ids))
    if status is not None:
        query = query.where(Site.status == status)
    if name is not None:
        query = query.where(Site.name == name)
    return read_page(session, query, Site.id, request, newest_first=True)


def list_holds(session: Session | ReadSession, site_id: str) -> list[Hold]:
    """The holds that stand, the most serious first."""
    holds = session.scalars(select(Hold).where(Hold.site_id == site_id))
    return sorted(holds, key=lambda hold: PRIORITY.index(hold.kind))


def list_holds_of(session: Session | ReadSession, site_ids: Sequence[str]) -> dict[str, list[Hold]]:
    """As :func:`list_holds` for many sites in one query; a site without holds has no entry."""
    found: dict[str, list[Hold]] = {}
    if site_ids:
        for hold in session.scalars(select(Hold).where(Hold.site_id.in_(site_ids))):
            found.setdefault(hold.site_id, []).append(hold)
    return {
        site_id: sorted(holds, key=lambda hold: PRIORITY.index(hold.kind)) for site_id, holds in found.items()
    }


def is_held(session: Session | ReadSession, site_id: str) -> bool:
    return session.scalar(select(Hold.kind).where(Hold.site_id == site_id).limit(1)) is not None


def list_on_bench(session: Session | ReadSession, bench_ids: Sequence[str]) -> list[Site]:
    """Sites that have data on these benches; only what stands on the host of each is loaded, for there are many."""
    gone = (SiteStatus.RESERVED, SiteStatus.ARCHIVED, SiteStatus.PURGED)
    query = select(Site).where(Site.bench_id.in_(bench_ids), Site.status.not_in(gone)).order_by(Site.id)
    few = load_only(Site.name, Site.bench_id, Site.to_bench_id, Site.status, Site.status_since)
    return list(session.scalars(query.options(few)))


def list_by_id(session: Session | ReadSession, site_ids: Sequence[str]) -> list[Site]:
    """Those of the ids that exist, in the order that was asked for."""
    if not site_ids:
        return []
    found = {site.id: site for site in session.scalars(select(Site).where(Site.id.in_(site_ids)))}
    return [found[site_id] for site_id in site_ids if site_id in found]


def _find_astray() -> tuple[Select[str], ...]:
    """A query for each way of being other than one should be; to be executed with ``now`` and ``latest``."""
    held = exists().where(Hold.site_id == Site.id)
    serving = (SiteStatus.ACTIVE, SiteStatus.SUSPENDED)
    kinds = (
        # Each has an index of its own. Those that are as they should be, nearly all, are not looked at; sites that
        # wait for a bench come last: many of them must not keep the others from being served.
        and_(Site.wanted == Wanted.ARCHIVED, Site.status.in_(serving)),
        and_(Site.status == SiteStatus.ACTIVE, Site.id.in_(select(Hold.site_id))),
        and_(Site.status == SiteStatus.SUSPENDED, ~held),
        and_(Site.status == SiteStatus.ARCHIVED, Site.wanted == Wanted.RUNNING, ~held),
        and_(Site.status == SiteStatus.BROKEN, Site.retry_at.is_not(None)),
        and_(Site.status == SiteStatus.RESERVED, or_(Site.wanted == Wanted.ARCHIVED, ~held)),
    )
    has_come = or_(Site.retry_at <= bindparam("now"), Site.retry_at > bindparam("latest"))
    is_due = or_(Site.retry_at.is_(None), has_come)
    return tuple(select(Site.id).where(kind, is_due).order_by(Site.id).limit(MOST_ASTRAY) for kind in kinds)


ASTRAY = _find_astray()
"""Made once: they are asked all the time, and putting them together cost more than the answers."""
OVERDUE = select(Site).where(Site.deadline_at < bindparam("now")).order_by(Site.deadline_at)


def list_astray(session: Session | ReadSession, now: datetime) -> list[str]:
    """Sites that are not what they should be and for which a next action exists (the SQL face of the rule)."""
    found: dict[str, None] = {}
    for query in ASTRAY:
        found.update(dict.fromkeys(session.scalars(query, {"now": now, "latest": now + rules.LONGEST_WAIT})))
    return list(found)[:MOST_ASTRAY]


def list_broken(session: Session | ReadSession, limit: int = 500) -> list[str]:
    """Sites that wait for a person: nothing is tried by itself any more."""
    is_given_up = and_(Site.status == SiteStatus.BROKEN, Site.retry_at.is_(None))
    query = select(Site.id).where(is_given_up).order_by(Site.id).limit(limit)
    return list(session.scalars(query))


def list_working(session: Session | ReadSession, limit: int = 500) -> list[str]:
    """Sites on which somebody works, or should."""
    return list(
        session.scalars(select(Site.id).where(Site.status.in_(WORKING)).order_by(Site.id).limit(limit))
    )


def list_overdue(session: Session | ReadSession, now: datetime) -> list[Site]:
    """Working sites past their deadline, the latest first."""
    return list(session.scalars(OVERDUE, {"now": now}))


def list_unmeasured(session: Session | ReadSession, before: datetime, limit: int) -> list[str]:
    """Active sites whose usage is older than ``before``, the oldest first; not those that a job works on.

    What was made since has not been used enough to be counted, and its neighbours are just being made.
    """
    is_busy = exists().where(Job.target == literal("site:") + Site.id, Job.status.in_(OPEN))
    found: list[str] = []
    # One after the other, because each alone is a range of the index.
    never = and_(Site.measured_at.is_(None), Site.created_at < before)
    for is_old in (never, Site.measured_at < before):
        query = select(Site.id).where(Site.status == SiteStatus.ACTIVE, is_old, ~is_busy)
        found += session.scalars(query.order_by(Site.measured_at).limit(limit - len(found)))
    return found


def get_login_link(session: Session | ReadSession, link_id: str) -> LoginLink:
    """The link. Raises :class:`LoginLinkUnknown`."""
    link = session.get(LoginLink, link_id)
    if link is None:
        message = "There is no such login link, or it expired. Ask for a new one."
        raise LoginLinkUnknown(message, link_id=link_id)
    return link
