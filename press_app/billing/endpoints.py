"""HTTP doors of billing: for the bridge, for customers, for operators."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.orm import Session as OrmSession

from press_app.access.dependencies import PageDep, SettingsDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.access.rules import SUBSCRIPTIONS_WRITE, Permission
from press_app.billing import service
from press_app.billing.errors import SubscriptionUnknown
from press_app.billing.model import Subscription
from press_app.billing.schemas import (
    GuardView,
    Released,
    SiteApps,
    SubscriptionPage,
    SubscriptionPut,
    SubscriptionView,
)
from press_app.sites import service as sites
from press_app.sites.errors import SiteUnknown

router = APIRouter(prefix="/v1", tags=["billing"])

ExternalId = Annotated[str, Path(max_length=190)]


def _view(session: OrmSession, subscription: Subscription, *, applied: bool = True) -> SubscriptionView:
    covered = service.list_sites_of(session, [subscription])
    return SubscriptionView.of(subscription, covered[subscription.id], applied=applied)


@router.put(
    "/subscriptions/{external_id:path}",
    operation_id="observe_subscription",
    responses=problems(401, 403, 409, 422),
)
def observe_subscription(
    external_id: ExternalId, body: SubscriptionPut, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> SubscriptionView:
    """Store what Lago's truth asks for. Idempotent and safe in any order. For the billing bridge."""
    who.require_system(SUBSCRIPTIONS_WRITE)
    with open_uow(work, who) as uow:
        observed = service.observe(uow, body.command(external_id), settings)
        uow.session.flush()
        return _view(uow.session, observed.subscription, applied=observed.applied)


@router.get("/subscriptions", operation_id="list_subscriptions", responses=problems(401, 403, 422))
def list_subscriptions(work: WorkDep, who: SubjectDep, page: PageDep) -> SubscriptionPage:
    """Subscriptions of your teams; the bridge sees all."""
    team_ids = None if who.is_reader_of_all() else who.team_ids(Permission.BILLING_READ)
    with work.read() as session:
        found = service.list_subscriptions(session, page, team_ids=team_ids)
        covered = service.list_sites_of(session, found.items)
        items = [SubscriptionView.of(subscription, covered[subscription.id]) for subscription in found.items]
        return SubscriptionPage(items=items, next_cursor=found.next_cursor)


@router.get(
    "/subscriptions/{external_id:path}",
    operation_id="get_subscription",
    responses=problems(401, 403, 404, 422),
)
def get_subscription(external_id: ExternalId, work: WorkDep, who: SubjectDep) -> SubscriptionView:
    """One subscription."""
    with work.read() as session:
        subscription = service.get_subscription(session, external_id)
        if not who.is_reader_of_all():
            message = f"There is no subscription {external_id}."
            missing = SubscriptionUnknown(message, external_id=external_id)
            who.require_team(subscription.team_id, Permission.BILLING_READ, missing=missing)
        return _view(session, subscription)


@router.get("/sites/{site_id}/apps", operation_id="read_apps", responses=problems(401, 403, 404, 422))
def read_apps(site_id: str, work: WorkDep, who: SubjectDep) -> SiteApps:
    """What a site has, what its plan grants, and what its release offers."""
    with work.read() as session:
        site = sites.get_site(session, site_id)
        missing = SiteUnknown(f"There is no site {site_id}.", site_id=site_id)
        who.require_team(site.team_id, Permission.SITES_READ, missing=missing)
        offered = sites.list_offered(session, site)
        return SiteApps.of(site.apps, service.find_granted_apps(session, site_id), offered)


@router.get("/termination-guard", operation_id="get_termination_guard", responses=problems(401, 403))
def get_termination_guard(work: WorkDep, who: SubjectDep) -> GuardView:
    """Whether too many subscriptions ended at once. For operators."""
    who.require_operator()
    with work.read() as session:
        return GuardView.of(service.find_guard(session))


@router.post(
    "/termination-guard/release", operation_id="release_termination_guard", responses=problems(401, 403, 409)
)
def release_termination_guard(work: WorkDep, who: SubjectDep) -> Released:
    """Confirm that all endings so far are meant; their sites are archived. For operators."""
    who.require_operator()
    with open_uow(work, who) as uow:
        return Released(confirmed=service.release_guard(uow))
