"""What can be done with subscriptions: observe them, and make sites follow."""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import IntegrityError

from press_app.billing import repository, rules
from press_app.billing.commands import ObserveSubscription
from press_app.billing.errors import GuardNotTripped, NotEntitled, SubscriptionUnknown
from press_app.billing.model import Coverage, Subscription, TerminationGuard, WantedState
from press_app.config import Settings
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.plans import service as plans
from press_app.plans.rules import Entitlements
from press_app.sites import service as sites
from press_app.sites.events import SiteReserved, SiteReturnWanted
from press_app.sites.lifecycle import HoldKind, Wanted
from press_app.sites.model import Site
from press_app.teams import service as teams
from press_app.work.unit_of_work import UnitOfWork, stale_write

log = structlog.get_logger(__name__)

BY_OPERATOR = "operator"


@dataclass(frozen=True)
class Observed:
    """A subscription after an observation, and whether it changed anything."""

    subscription: Subscription
    applied: bool


def observe(uow: UnitOfWork, command: ObserveSubscription, settings: Settings) -> Observed:
    """Store what Lago's truth asks for, and start to make it true. Older readings change nothing.

    Raises :class:`press_app.plans.errors.PlanUnknown`.
    """
    plan = plans.get_plan(uow.session, command.plan_code)
    known = repository.find_locked(uow.session, command.external_id)
    if known is None:
        repository.wait_for_newcomers(uow.session)
        known = repository.find_locked(uow.session, command.external_id)
    subscription = known or _add(uow, command)
    if known is not None and subscription.observed_at >= command.observed_at:
        return Observed(subscription, applied=False)
    was = subscription.wanted
    _copy(uow, subscription, command)
    if was is not subscription.wanted:
        message = f"Lago: {command.external_id} should {subscription.wanted}. {rules.hold_message(command.reason) if command.reason else ''}"
        uow.record(
            f"subscription.{subscription.wanted}",
            f"subscription:{subscription.id}",
            message.strip(),
            team_id=subscription.team_id,
            external_id=command.external_id,
        )
    _make_true(uow, subscription, subscription.granted(plan.entitlements), settings)
    return Observed(subscription, applied=True)


def _add(uow: UnitOfWork, command: ObserveSubscription) -> Subscription:
    team = teams.ensure_team_for_customer(
        uow, customer_ref=command.customer_ref, name=command.customer_name, email=command.customer_email
    )
    subscription = Subscription(
        id=new_id(),
        external_id=command.external_id,
        team_id=team.id,
        plan_code=command.plan_code,
        wanted=WantedState(command.wanted),
        observed_at=command.observed_at,
        created_at=uow.now(),
    )
    try:
        with uow.session.begin_nested():
            uow.session.add(subscription)
    except IntegrityError as error:
        raise stale_write() from error
    return subscription


def _copy(uow: UnitOfWork, subscription: Subscription, command: ObserveSubscription) -> None:
    wanted = WantedState(command.wanted)
    if wanted is not WantedState.END:
        subscription.ended_at = None
        subscription.archive_confirmed_at = None
    elif subscription.ended_at is None:
        subscription.ended_at = uow.now()
    subscription.wanted = wanted
    subscription.plan_code = command.plan_code
    subscription.reason = command.reason
    subscription.override = command.entitlements
    subscription.name = command.name or subscription.name
    subscription.lago_id = command.lago_id
    subscription.observed_at = command.observed_at


def _make_true(
    uow: UnitOfWork, subscription: Subscription, granted: Entitlements, settings: Settings
) -> None:
    covered = repository.list_covered(uow.session, subscription.id)
    if subscription.wanted is WantedState.RUN:
        for coverage, site in covered:
            _let_run(uow, coverage, site)
        if not covered and not repository.was_given_up(uow.session, subscription.id):
            _reserve_first(uow, subscription, granted, settings)
        return
    for coverage, site in covered:
        if coverage.on_word:
            continue
        sites.place_hold(uow, site, HoldKind.BILLING, rules.hold_message(subscription.reason))
    if subscription.wanted is WantedState.END and covered:
        _end_when_due(uow, subscription)


def _let_run(uow: UnitOfWork, coverage: Coverage, site: Site) -> None:
    coverage.on_word = False
    sites.lift_hold(uow, site, HoldKind.BILLING, why="the subscription is active and nothing is unpaid")
    if coverage.is_ended:
        coverage.is_ended = False
        sites.set_wanted(uow, site, Wanted.RUNNING, why="the subscription is active again")


def _reserve_first(
    uow: UnitOfWork, subscription: Subscription, granted: Entitlements, settings: Settings
) -> None:
    team = teams.get_team(uow.session, subscription.team_id)
    # No other subscription can take the name in between: it is a newcomer too.
    repository.wait_for_newcomers(uow.session)
    site = sites.reserve(
        uow,
        team_id=team.id,
        name=sites.free_name(uow, subscription.name or subscription.external_id, settings.site_domain),
        domain=settings.site_domain,
        apps=rules.apps_of(granted),
        company=team.name,
        admin_email=teams.find_owner_email(uow.session, team.id) or f"owner@{settings.site_domain}",
        covered_by=f"subscription:{subscription.id}",
    )
    uow.session.add(Coverage(site_id=site.id, subscription_id=subscription.id, is_first=True, is_ended=False))


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
        uow.session.add(Coverage(site_id=event.site_id, subscription_id=None, is_first=False, is_ended=False))
    if event.covered_by is not None:
        return
    for subscription in repository.list_running_locked(uow.session, event.team_id):
        if _has_room(uow, subscription, event.apps):
            uow.session.add(
                Coverage(
                    site_id=event.site_id, subscription_id=subscription.id, is_first=False, is_ended=False
                )
            )
            return
    message = (
        "No active subscription of this team has room for one more site with these apps. Nothing was created. "
        "Change to a larger plan, or archive a site."
    )
    raise NotEntitled(message, team_id=event.team_id)


def _has_room(uow: UnitOfWork, subscription: Subscription, apps: tuple[str, ...]) -> bool:
    granted = subscription.granted(plans.get_plan(uow.session, subscription.plan_code).entitlements)
    return rules.has_room(granted, repository.count_live(uow.session, subscription.id), apps)


def _end_when_due(uow: UnitOfWork, subscription: Subscription) -> None:
    plan = plans.get_plan(uow.session, subscription.plan_code)
    due = rules.archive_due_at(subscription.ended_at or uow.now(), plan.retention_days)
    uow.enqueue(
        "subscription.end",
        after=max(due - uow.now(), timedelta()),
        unique_key=f"end:{subscription.id}",
        subscription_id=subscription.id,
    )


def end(uow: UnitOfWork, subscription_id: str, settings: Settings) -> bool:
    """Archive the sites of an ended subscription when their time has come and the guard lets it. True when done."""
    subscription = uow.session.get(Subscription, subscription_id)
    if subscription is None or subscription.wanted is not WantedState.END or subscription.ended_at is None:
        return False
    plan = plans.get_plan(uow.session, subscription.plan_code)
    if rules.archive_due_at(subscription.ended_at, plan.retention_days) > uow.now():
        return False
    if subscription.archive_confirmed_at is None and _is_guarded(uow, settings):
        return False
    for coverage, site in repository.list_covered(uow.session, subscription.id):
        if site.wanted is Wanted.RUNNING and not coverage.on_word:
            coverage.is_ended = True
            sites.set_wanted(uow, site, Wanted.ARCHIVED, why="its subscription ended")
    return True


def _is_guarded(uow: UnitOfWork, settings: Settings) -> bool:
    if repository.find_guard(uow.session) is not None:
        return True
    ended = repository.count_ended_since(uow.session, uow.now() - settings.termination_window)
    if not rules.is_burst(ended, settings.termination_limit):
        return False
    uow.session.add(TerminationGuard(id=repository.GUARD_ID, tripped_at=uow.now(), count=ended))
    message = (
        f"{ended} subscriptions ended within {settings.termination_window_minutes} minutes. Their sites are held, none is "
        "archived until an operator has looked: 'press billing guard', then 'press billing guard --release'."
    )
    log.error("termination_guard.tripped", ended=ended)
    uow.record("guard.tripped", "billing:guard", message, count=ended)
    return True


def release_guard(uow: UnitOfWork) -> int:
    """An operator says that all endings so far are meant. Returns how many. Raises :class:`GuardNotTripped`."""
    guard = repository.find_guard(uow.session)
    if guard is None:
        message = "The termination guard is not tripped. Nothing was changed."
        raise GuardNotTripped(message)
    uow.session.delete(guard)
    ids = repository.confirm_ends(uow.session, uow.now())
    for subscription_id in ids:
        uow.enqueue("subscription.end", unique_key=f"end:{subscription_id}", subscription_id=subscription_id)
    uow.record("guard.released", "billing:guard", f"{len(ids)} endings were confirmed.", count=len(ids))
    return len(ids)


def find_guard(session: ReadSession) -> TerminationGuard | None:
    """The guard where it is tripped."""
    return repository.find_guard(session)


def get_subscription(session: Session | ReadSession, external_id: str) -> Subscription:
    """The subscription. Raises :class:`SubscriptionUnknown`."""
    found = session.scalar(
        repository.select_subscriptions(None).where(Subscription.external_id == external_id)
    )
    if found is None:
        message = f"There is no subscription {external_id}."
        raise SubscriptionUnknown(message, external_id=external_id)
    return found


def list_subscriptions(
    session: ReadSession, request: PageRequest, *, team_ids: list[str] | None
) -> Page[Subscription]:
    return read_page(session, repository.select_subscriptions(team_ids), Subscription.id, request)


def list_sites_of(session: Session | ReadSession, subscription: Subscription) -> list[Site]:
    """The sites that live on it."""
    return [site for _, site in repository.list_covered(session, subscription.id)]


def list_unfinished_ends(session: ReadSession) -> list[str]:
    return repository.list_unfinished_ends(session)


def list_uncovered_active(session: ReadSession) -> list[Site]:
    """Active sites that nothing covers; there must be none."""
    return repository.list_uncovered_active(session)
