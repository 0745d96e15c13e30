"""Reading sites."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, literal, or_, select

from press_app.benches import service as benches
from press_app.edge.port import Route, RouteState, shown
from press_app.jobs.lifecycle import OPEN
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.sites.errors import LoginLinkUnknown, SiteUnknown
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Hold, LoginLink, Site

PRIORITY = (HoldKind.SECURITY, HoldKind.OPERATOR, HoldKind.BILLING, HoldKind.QUOTA)
"""Of several holds the first of these is told to visitors."""

WORKING = (
    SiteStatus.INSTALLING,
    SiteStatus.SUSPENDING,
    SiteStatus.RESUMING,
    SiteStatus.ARCHIVING,
    SiteStatus.RESTORING,
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
    """Sites that have data on these benches."""
    gone = (SiteStatus.RESERVED, SiteStatus.ARCHIVED, SiteStatus.PURGED)
    query = select(Site).where(Site.bench_id.in_(bench_ids), Site.status.not_in(gone)).order_by(Site.id)
    return list(session.scalars(query))


def list_astray(session: Session | ReadSession, now: datetime, limit: int = 500) -> list[str]:
    """Sites that are not what they should be and for which a next action exists (the SQL face of the rule)."""
    held = exists().where(Hold.site_id == Site.id)
    astray = or_(
        and_(Site.status == SiteStatus.RESERVED, or_(Site.wanted == Wanted.ARCHIVED, ~held)),
        and_(Site.status == SiteStatus.ACTIVE, or_(Site.wanted == Wanted.ARCHIVED, held)),
        and_(Site.status == SiteStatus.SUSPENDED, or_(Site.wanted == Wanted.ARCHIVED, ~held)),
        and_(Site.status == SiteStatus.ARCHIVED, Site.wanted == Wanted.RUNNING, ~held),
        and_(Site.status == SiteStatus.BROKEN, Site.retry_at.is_not(None)),
    )
    is_due = or_(Site.retry_at.is_(None), Site.retry_at <= now)
    query = select(Site.id).where(astray, is_due)
    # Those that wait for a bench come last: many of them must not keep the others from being served.
    return list(session.scalars(query.order_by(Site.status == SiteStatus.RESERVED, Site.id).limit(limit)))


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
    """Working sites past their deadline."""
    return list(session.scalars(select(Site).where(Site.deadline_at < now).order_by(Site.id)))


def list_unmeasured(session: Session | ReadSession, before: datetime, limit: int) -> list[str]:
    """Active sites whose usage is older than ``before``, the oldest first; not those that a job works on."""
    is_busy = exists().where(Job.target == literal("site:") + Site.id, Job.status.in_(OPEN))
    is_old = or_(Site.measured_at.is_(None), Site.measured_at < before)
    query = (
        select(Site.id)
        .where(Site.status == SiteStatus.ACTIVE, is_old, ~is_busy)
        .order_by(Site.measured_at.is_not(None), Site.measured_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def list_routes(session: Session | ReadSession) -> list[Route]:
    """The whole table for the edge."""
    urls = benches.list_urls(session)
    reasons: dict[str, HoldKind] = {}
    for site_id, kind in session.execute(select(Hold.site_id, Hold.kind)):
        if site_id not in reasons or PRIORITY.index(kind) < PRIORITY.index(reasons[site_id]):
            reasons[site_id] = kind
    rows = session.execute(
        select(Site.id, Site.hostname, Site.bench_id, Site.route).where(Site.route != RouteState.NONE)
    )
    return [
        Route(
            site_id=site_id,
            hostname=hostname,
            bench_id=bench_id or "",
            bench_url=urls.get(bench_id or "", ""),
            state=shown(state, is_held=site_id in reasons),
            reason=reasons.get(site_id, HoldKind.BILLING).value,
        )
        for site_id, hostname, bench_id, state in rows
        if hostname and (shown(state, is_held=site_id in reasons) is not RouteState.LIVE or bench_id in urls)
    ]


def get_login_link(session: Session | ReadSession, link_id: str) -> LoginLink:
    """The link. Raises :class:`LoginLinkUnknown`."""
    link = session.get(LoginLink, link_id)
    if link is None:
        message = "There is no such login link, or it expired. Ask for a new one."
        raise LoginLinkUnknown(message, link_id=link_id)
    return link
