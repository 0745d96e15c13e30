"""Queries on subscriptions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, exists, func, or_, select, update

from press_app.billing.model import Coverage, Subscription, TerminationGuard, WantedState
from press_app.kit.db import ReadSession, Session
from press_app.plans.model import Plan
from press_app.sites.lifecycle import SiteStatus, Wanted
from press_app.sites.model import Site

GUARD_ID = 1


def find_locked(session: Session, external_id: str) -> Subscription | None:
    """The subscription, kept from other writers until the transaction ends."""
    return session.scalar(
        select(Subscription).where(Subscription.external_id == external_id).with_for_update()
    )


def wait_for_newcomers(session: Session) -> None:
    """Let first observations pass one by one.

    Two that insert the same customer, name or id at once would each keep a lock that the other one needs.
    """
    session.execute(select(Plan.id).order_by(Plan.id).with_for_update())


def select_subscriptions(team_ids: Sequence[str] | None) -> Select[Subscription]:
    query = select(Subscription).where(Subscription.superseded_at.is_(None))
    return query if team_ids is None else query.where(Subscription.team_id.in_(team_ids))


def list_covered(
    session: Session | ReadSession, subscription_ids: Sequence[str]
) -> list[tuple[Coverage, Site]]:
    """The sites that live on these subscriptions, oldest first; purged ones are left out."""
    query = (
        select(Coverage, Site)
        .join(Site, Site.id == Coverage.site_id)
        .where(Coverage.subscription_id.in_(subscription_ids), Site.status != SiteStatus.PURGED)
        .order_by(Site.id)
    )
    return list(session.execute(query))


def was_given_up(session: Session, subscription_id: str) -> bool:
    """Whether its owner ended a site of it for good, so that no new one is made by itself."""
    query = (
        select(Coverage.site_id)
        .join(Site, Site.id == Coverage.site_id)
        .where(
            Coverage.subscription_id == subscription_id,
            Coverage.is_ended.is_(False),
            Site.status == SiteStatus.PURGED,
        )
    )
    return session.scalar(query.limit(1)) is not None


def count_live(session: Session, subscription_id: str) -> int:
    """Sites that use up the entitlement."""
    query = (
        select(func.count())
        .select_from(Coverage)
        .join(Site, Site.id == Coverage.site_id)
        .where(
            Coverage.subscription_id == subscription_id,
            Site.status != SiteStatus.PURGED,
            or_(Site.status != SiteStatus.ARCHIVED, Site.wanted == Wanted.RUNNING),
        )
    )
    return session.scalar(query) or 0


def list_running_locked(session: Session, team_id: str) -> list[Subscription]:
    query = select(Subscription).where(
        Subscription.team_id == team_id, Subscription.wanted == WantedState.RUN
    )
    return list(session.scalars(query.order_by(Subscription.id).with_for_update()))


def count_ended_since(session: Session, since: datetime) -> int:
    """Unconfirmed endings in the window of the guard."""
    query = select(func.count()).where(
        Subscription.wanted == WantedState.END,
        Subscription.ended_at >= since,
        Subscription.archive_confirmed_at.is_(None),
    )
    return session.scalar(query) or 0


def list_unfinished_ends(session: ReadSession, limit: int = 500) -> list[str]:
    """Ended subscriptions with a site that is not wanted archived yet."""
    open_site = (
        exists()
        .where(Coverage.subscription_id == Subscription.id, Coverage.on_word.is_(False))
        .where(Site.id == Coverage.site_id, Site.wanted == Wanted.RUNNING, Site.status != SiteStatus.PURGED)
    )
    query = select(Subscription.id).where(Subscription.wanted == WantedState.END, open_site)
    return list(session.scalars(query.order_by(Subscription.id).limit(limit)))


def list_uncovered_active(session: ReadSession) -> list[Site]:
    """Active sites that neither an active subscription nor an operator's word covers."""
    has_none = ~exists().where(Coverage.site_id == Site.id)
    unpaid = (
        select(Coverage.site_id)
        .join(Subscription, Subscription.id == Coverage.subscription_id)
        .where(Subscription.wanted.in_((WantedState.HOLD, WantedState.END)), Coverage.on_word.is_(False))
    )
    # Apart, so that of the many sites that are paid for no more is read than that they are covered at all.
    found: dict[str, Site] = {}
    for is_uncovered in (has_none, Site.id.in_(unpaid)):
        query = select(Site).where(Site.status == SiteStatus.ACTIVE, is_uncovered)
        found.update((site.id, site) for site in session.scalars(query))
    return [found[site_id] for site_id in sorted(found)]


def find_guard(session: Session | ReadSession) -> TerminationGuard | None:
    return session.get(TerminationGuard, GUARD_ID)


def confirm_ends(session: Session, now: datetime) -> list[str]:
    """An operator has looked: all unconfirmed endings are meant."""
    waiting = (Subscription.wanted == WantedState.END, Subscription.archive_confirmed_at.is_(None))
    ids = list(session.scalars(select(Subscription.id).where(*waiting)))
    session.execute(update(Subscription).where(*waiting).values(archive_confirmed_at=now))
    return ids
