"""Ended subscriptions: archiving their sites in time, and the guard against endings in a burst."""

from datetime import timedelta

import structlog
from sqlalchemy.exc import IntegrityError

from press_app.billing import repository, rules
from press_app.billing.errors import GuardNotTripped
from press_app.billing.model import Subscription, TerminationGuard, WantedState
from press_app.config import Settings
from press_app.plans import service as plans
from press_app.sites import service as sites
from press_app.sites.lifecycle import Wanted
from press_app.work.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


def end_when_due(uow: UnitOfWork, subscription: Subscription) -> None:
    plan = plans.get_plan(uow.session, subscription.plan_code)
    due = rules.archive_due_at(subscription.ended_at or uow.now(), plan.retention_days)
    uow.enqueue(
        "subscription.end",
        after=max(due - uow.now(), timedelta()),
        unique_key=f"end:{subscription.id}",
        subscription_id=subscription.id,
    )


def end(uow: UnitOfWork, subscription_id: str) -> bool:
    """Archive the sites of an ended subscription when their time has come and the guard lets it. True when done."""
    subscription = uow.session.get(Subscription, subscription_id)
    if subscription is None or subscription.wanted is not WantedState.END or subscription.ended_at is None:
        return False
    # An end in the future was noted by a clock that was ahead; from now on it counts as of now.
    subscription.ended_at = min(subscription.ended_at, uow.now())
    plan = plans.get_plan(uow.session, subscription.plan_code)
    if rules.archive_due_at(subscription.ended_at, plan.retention_days) > uow.now():
        return False
    if subscription.archive_confirmed_at is None and repository.find_guard(uow.session) is not None:
        return False
    for coverage, site in repository.list_covered(uow.session, [subscription.id]):
        if site.wanted is Wanted.RUNNING and not coverage.on_word:
            coverage.is_ended = True
            sites.set_wanted(uow, site, Wanted.ARCHIVED, why="its subscription ended")
    return True


def watch_endings(uow: UnitOfWork, settings: Settings) -> None:
    """Trip the guard when this ending is one of too many; looked at when it happens, whenever the archive is due."""
    uow.session.flush()
    if repository.find_guard(uow.session) is not None:
        return
    ended = repository.count_ended_since(uow.session, uow.now() - settings.termination_window)
    if not rules.is_burst(ended, settings.termination_limit):
        return
    try:
        with uow.session.begin_nested():
            uow.session.add(TerminationGuard(id=repository.GUARD_ID, tripped_at=uow.now(), count=ended))
    except IntegrityError:
        return  # another ending tripped it at the same moment
    message = (
        f"{ended} subscriptions ended within {settings.termination_window_minutes} minutes. Their sites are held, none is "
        "archived until an operator has looked: 'press billing guard', then 'press billing guard --release'."
    )
    log.error("termination_guard.tripped", ended=ended)
    uow.record("guard.tripped", "billing:guard", message, count=ended)


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
