"""Observing subscriptions: what Lago's truth asks for is stored, and the sites follow."""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from press_app.benches import service as benches
from press_app.billing import repository, rules
from press_app.billing.commands import ObserveSubscription
from press_app.billing.model import Coverage, Subscription, WantedState
from press_app.billing.service import ending
from press_app.config import Settings
from press_app.kit.ids import new_id
from press_app.kit.locale import Locale
from press_app.plans import service as plans
from press_app.plans.rules import Entitlements
from press_app.sites import service as sites
from press_app.sites.lifecycle import HoldKind, Wanted
from press_app.sites.model import Site
from press_app.teams import service as teams
from press_app.work.unit_of_work import UnitOfWork, stale_write

CLOCK_SKEW = timedelta(seconds=5)
"""How far the bridge's clock may be ahead of ours."""


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
    command = _with_possible_time(uow, command)
    known = _find_locked(uow, command.external_id)
    if known is not None and known.observed_at >= command.observed_at:
        return Observed(known, applied=False)
    if known is not None and _is_another_customers(uow, known, command):
        _give_up(uow, known, command)
        known = None
    subscription = known or _add(uow, command)
    was = subscription.wanted
    _copy(uow, subscription, command)
    if was is not subscription.wanted or known is None:
        _tell(uow, subscription, command)
        if subscription.wanted is WantedState.END:
            ending.watch_endings(uow, settings)
    home = rules.choose_home(command.home, Locale.parse(settings.home))
    _make_true(uow, subscription, subscription.granted(plan.entitlements), home, settings)
    return Observed(subscription, applied=True)


def _with_possible_time(uow: UnitOfWork, command: ObserveSubscription) -> ObserveSubscription:
    """A reading of the future, from a clock that was ahead, must not shut out all readings until then."""
    return replace(command, observed_at=min(command.observed_at, uow.now() + CLOCK_SKEW))


def _find_locked(uow: UnitOfWork, external_id: str) -> Subscription | None:
    known = repository.find_locked(uow.session, external_id)
    if known is None:
        repository.wait_for_newcomers(uow.session)
        known = repository.find_locked(uow.session, external_id)
    if known is not None and known.observed_at > uow.now() + CLOCK_SKEW:
        known.observed_at = uow.now() - CLOCK_SKEW
    return known


def _is_another_customers(uow: UnitOfWork, known: Subscription, command: ObserveSubscription) -> bool:
    """Whether the id was bought by somebody else since. An ending says nothing of the kind."""
    if command.wanted == WantedState.END:
        return False
    return teams.get_team(uow.session, known.team_id).customer_ref != command.customer_ref


def _give_up(uow: UnitOfWork, known: Subscription, command: ObserveSubscription) -> None:
    """Lago gives an id to one live customer at a time, so the subscription of the one before has ended.

    Its sites stay in his team, and the id is free for the newcomer, who inherits nothing.
    """
    if known.wanted is not WantedState.END:
        known.wanted = WantedState.END
        known.ended_at = uow.now()
        message = "The subscription ended; its id was bought by another customer since."
        known.reason = {"code": "terminated", "message": message, "invoices": []}
        _hold_all(uow, known, repository.list_covered(uow.session, [known.id]))
    known.external_id = f"{command.external_id[:150]}~{known.id}"
    known.superseded_at = uow.now()
    uow.session.flush()
    message = f"The id {command.external_id} belongs to another customer now."
    uow.record("subscription.superseded", f"subscription:{known.id}", message, team_id=known.team_id)


def _tell(uow: UnitOfWork, subscription: Subscription, command: ObserveSubscription) -> None:
    why = f" {rules.hold_message(command.reason)}" if command.reason else ""
    uow.record(
        f"subscription.{subscription.wanted}",
        f"subscription:{subscription.id}",
        f"Lago: {command.external_id} should {subscription.wanted}.{why}",
        team_id=subscription.team_id,
        external_id=command.external_id,
    )


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
    uow: UnitOfWork, subscription: Subscription, granted: Entitlements, home: Locale, settings: Settings
) -> None:
    covered = repository.list_covered(uow.session, [subscription.id])
    if subscription.wanted is WantedState.RUN:
        for coverage, site in covered:
            _let_run(uow, coverage, site)
        if not covered and not repository.was_given_up(uow.session, subscription.id):
            _reserve_first(uow, subscription, granted, home, settings)
        return
    _hold_all(uow, subscription, covered)


def _hold_all(uow: UnitOfWork, subscription: Subscription, covered: list[tuple[Coverage, Site]]) -> None:
    """Hold what the subscription no longer lets run; archive it in time when it has ended."""
    for coverage, site in covered:
        if not coverage.on_word:
            sites.place_hold(uow, site, HoldKind.BILLING, rules.hold_message(subscription.reason))
    if subscription.wanted is WantedState.END and covered:
        ending.end_when_due(uow, subscription)


def _let_run(uow: UnitOfWork, coverage: Coverage, site: Site) -> None:
    coverage.on_word = False
    sites.lift_hold(uow, site, HoldKind.BILLING, why="the subscription is active and nothing is unpaid")
    if coverage.is_ended:
        coverage.is_ended = False
        sites.set_wanted(uow, site, Wanted.RUNNING, why="the subscription is active again")


def _reserve_first(
    uow: UnitOfWork, subscription: Subscription, granted: Entitlements, home: Locale, settings: Settings
) -> None:
    team = teams.get_team(uow.session, subscription.team_id)
    # No other subscription can take the name in between: it is a newcomer too.
    repository.wait_for_newcomers(uow.session)
    site = sites.reserve(
        uow,
        team_id=team.id,
        name=sites.free_name(uow, subscription.name or subscription.external_id, settings.site_domain),
        domain=settings.site_domain,
        apps=rules.choose_first_apps(granted, benches.list_offers(uow.session)),
        locale=home,
        other_locale=Locale.parse(settings.home),
        company=team.name,
        admin_email=teams.find_owner_email(uow.session, team.id) or f"owner@{settings.site_domain}",
        covered_by=f"subscription:{subscription.id}",
    )
    uow.session.add(Coverage(site_id=site.id, subscription_id=subscription.id, is_ended=False))
