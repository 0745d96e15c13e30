"""What lets a site exist: room in a subscription, or an operator's word."""

from press_app.billing import repository, rules
from press_app.billing.errors import NotEntitled
from press_app.billing.model import Coverage, Subscription
from press_app.plans import service as plans
from press_app.sites import service as sites
from press_app.sites.events import SiteReserved, SiteReturnWanted
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
