"""HTTP doors of the sites."""

from typing import Annotated

from fastapi import APIRouter, Query

from press_app.access.dependencies import IdempotencyDep, PageDep, SettingsDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.kit.locale import Locale
from press_app.sites import service
from press_app.sites.endpoints import parts
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Site
from press_app.sites.schemas import (
    HoldPlace,
    SiteCreate,
    SitePage,
    SiteView,
    Timeline,
    TimelineEntry,
)
from press_app.teams.rules import normalise_email
from press_app.work import journal
from press_app.work.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/sites", tags=["sites"])


@router.post("", status_code=201, operation_id="create_site", responses=problems(401, 403, 404, 409, 422))
def create_site(
    body: SiteCreate, work: WorkDep, settings: SettingsDep, who: SubjectDep, idempotency: IdempotencyDep
) -> SiteView:
    """Order a site; it is made in the background. Watch its status, or `/v1/events`."""
    who.require_team(body.team_id, Permission.SITES_WRITE)

    def make() -> SiteView:
        site = service.reserve(
            uow,
            team_id=body.team_id,
            name=body.name,
            domain=settings.site_domain,
            apps=tuple(body.apps),
            locale=body.locale.over(Locale.parse(settings.home)),
            company=body.company,
            admin_email=normalise_email(body.admin_email),
            covered_by="operator" if who.is_operator else None,
        )
        uow.session.flush()
        return parts.view(uow.session, settings, site)

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@router.get("", operation_id="list_sites", responses=problems(401, 403, 422))
def list_sites(
    work: WorkDep,
    settings: SettingsDep,
    who: SubjectDep,
    page: PageDep,
    status: SiteStatus | None = None,
    name: Annotated[str | None, Query(max_length=63)] = None,
) -> SitePage:
    """Sites of your teams, newest first."""
    team_ids = who.team_ids(Permission.SITES_READ)
    with work.read() as session:
        found = service.list_sites(session, page, team_ids=team_ids, status=status, name=name)
        return SitePage(items=parts.list_views(session, settings, found.items), next_cursor=found.next_cursor)


@router.get("/{site_id}", operation_id="get_site", responses=problems(401, 403, 404, 422))
def get_site(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """One site."""
    with work.read() as session:
        return parts.view(session, settings, parts.get(session, who, site_id, Permission.SITES_READ))


@router.get("/{site_id}/timeline", operation_id="read_timeline", responses=problems(401, 403, 404, 422))
def read_timeline(
    site_id: str,
    work: WorkDep,
    who: SubjectDep,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Timeline:
    """Why the site is as it is: everything that happened to it, newest first."""
    with work.read() as session:
        site = parts.get(session, who, site_id, Permission.SITES_READ)
        rows = journal.list_timeline(session, site.target, before=before, limit=limit)
    items = [TimelineEntry.of(row) for row in rows]
    return Timeline(items=items, next_before=rows[-1].id if len(rows) == limit else None)


@router.post("/{site_id}/archive", operation_id="archive_site", responses=problems(401, 403, 404, 409, 422))
def archive_site(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """Back the site up, prove the backup, and remove it from its host; it can be brought back for some time."""

    def archive(uow: UnitOfWork, site: Site) -> None:
        service.set_wanted(uow, site, Wanted.ARCHIVED, why=f"asked by {who.name}")

    return parts.act_on(work, settings, who, site_id, archive)


@router.post(
    "/{site_id}/undo-archive", operation_id="undo_archive", responses=problems(401, 403, 404, 409, 422)
)
def undo_archive(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """Bring an archived site back from its proven backup."""
    return parts.act_on(
        work,
        settings,
        who,
        site_id,
        lambda uow, site: service.request_undo(uow, site, by_operator=who.is_operator),
    )


@router.post("/{site_id}/retry", operation_id="retry_site", responses=problems(401, 403, 404, 409, 422))
def retry_site(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """Try again what broke."""
    return parts.act_on(work, settings, who, site_id, service.request_retry)


@router.put("/{site_id}/holds", operation_id="place_hold", responses=problems(401, 403, 404, 409, 422))
def place_hold(
    site_id: str, body: HoldPlace, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> SiteView:
    """Suspend a site. For operators."""
    who.require_operator()
    return parts.act_on(
        work,
        settings,
        who,
        site_id,
        lambda uow, site: service.place_hold(uow, site, body.kind, body.message),
    )


@router.delete(
    "/{site_id}/holds/{kind}", operation_id="lift_hold", responses=problems(401, 403, 404, 409, 422)
)
def lift_hold(
    site_id: str, kind: HoldKind, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> SiteView:
    """Lift one hold; the site runs again when no other stands. For operators."""
    who.require_operator()
    return parts.act_on(
        work,
        settings,
        who,
        site_id,
        lambda uow, site: service.lift_hold(uow, site, kind, why=f"lifted by {who.name}"),
    )
