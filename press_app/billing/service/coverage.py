"""What lets a site exist: room in a subscription, or an operator's word."""

from press_app.billing import repository, rules
from press_app.billing.errors import NotEntitled
from press_app.billing.model import Coverage, Subscription
from press_app.kit.db import ReadSession, Session
from press_app.plans import service as plans
from press_app.sites import service as sites
from press_app.sites.events import SiteAppsWanted, SiteReserved, SiteReturnWanted
from press_app.sites.lifecycle import HoldKind
from press_app.work.unit_of_work import UnitOfWork

BY_OPERATOR = "operator"


def on_site_return_wanted(uow: UnitOfWork, event: SiteReturnWanted) -> None:
    """An archived site is asked back. Raises :class:`NotEntitled` when its subscription has no room for it."""
    coverage = uow.session.get(Coverage, event.site_id)
    if coverage is None or coverage.subscription_id is None:
        return
    running = repository.list_running_locked(uow.session, event.team_id)
    for subscription in running:
        if subscription.id == coverage.subscription_id and _has_room(uow, subscription, event.apps):
            return
    if event.by_operator:
        _take_word(uow, coverage)
        return
    message = (
        "The subscription of this site is not active or has no room for one more site. Nothing was changed. "
        "Change to a larger plan, or archive another site."
    )
    raise NotEntitled(message, team_id=event.team_id)


def _take_word(uow: UnitOfWork, coverage: Coverage) -> None:
    """An operator lets the site run although nothing is paid; holds of others stand."""
    coverage.on_word = True
    coverage.is_ended = False
    site = sites.get_site(uow.session, coverage.site_id)
    sites.lift_hold(uow, site, HoldKind.BILLING, why="an operator lets it run without a subscription")


def on_site_apps_wanted(uow: UnitOfWork, event: SiteAppsWanted) -> None:
    """More apps are asked for. Raises :class:`NotEntitled` for those that the plan does not grant."""
    granted = find_granted_apps(uow.session, event.site_id)
    refused = [app for app in event.added if granted is not None and app not in granted]
    if refused:
        names = ", ".join(refused)
        what, way_out = f"The plan of this site does not grant {names}", "Change to a larger plan first."
        if event.is_restore:
            what = f"The backup has {names}, which the plan of this site does not grant"
            way_out = "Change to a larger plan first, or choose a backup without them."
        message = f"{what}; it grants {', '.join(granted or ())}. Nothing was changed. {way_out}"
        raise NotEntitled(message, site_id=event.site_id, apps=refused, granted=list(granted or ()))


def find_granted_apps(session: Session | ReadSession, site_id: str) -> tuple[str, ...] | None:
    """The apps that the site may have by its subscription; None: all, as on an operator's word."""
    coverage = session.get(Coverage, site_id)
    if coverage is None or coverage.subscription_id is None or coverage.on_word:
        return None
    subscription = session.get_one(Subscription, coverage.subscription_id)
    return subscription.granted(plans.get_plan(session, subscription.plan_code).entitlements).apps


def on_site_reserved(uow: UnitOfWork, event: SiteReserved) -> None:
    """Find what pays for a new site. Raises :class:`NotEntitled`, which undoes the reservation."""
    if event.covered_by == BY_OPERATOR:
        uow.session.add(Coverage(site_id=event.site_id, subscription_id=None, is_ended=False))
    if event.covered_by is not None:
        return
    for subscription in repository.list_running_locked(uow.session, event.team_id):
        if _has_room(uow, subscription, event.apps):
            uow.session.add(Coverage(site_id=event.site_id, subscription_id=subscription.id, is_ended=False))
            return
    message = (
        "No active subscription of this team has room for one more site with these apps. Nothing was created. "
        "Change to a larger plan, or archive a site."
    )
    raise NotEntitled(message, team_id=event.team_id)


def _has_room(uow: UnitOfWork, subscription: Subscription, apps: tuple[str, ...]) -> bool:
    granted = subscription.granted(plans.get_plan(uow.session, subscription.plan_code).entitlements)
    return rules.has_room(granted, repository.count_live(uow.session, subscription.id), apps)
