"""Reading subscriptions."""

from collections.abc import Sequence

from press_app.billing import repository
from press_app.billing.errors import SubscriptionUnknown
from press_app.billing.model import Subscription, TerminationGuard
from press_app.kit.db import ReadSession, Session
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.sites.model import Site


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


def list_sites_of(
    session: Session | ReadSession, subscriptions: Sequence[Subscription]
) -> dict[str, list[Site]]:
    """Subscription id → the sites that live on it; one query for all of them."""
    found: dict[str, list[Site]] = {subscription.id: [] for subscription in subscriptions}
    for coverage, site in repository.list_covered(session, list(found)):
        found[coverage.subscription_id or ""].append(site)
    return found


def list_unfinished_ends(session: ReadSession) -> list[str]:
    return repository.list_unfinished_ends(session)


def list_uncovered_active(session: ReadSession) -> list[Site]:
    """Active sites that nothing covers; there must be none."""
    return repository.list_uncovered_active(session)
