"""HTTP doors of the sites."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session as OrmSession

from press_app.access.dependencies import IdempotencyDep, PageDep, SettingsDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.access.subject import Subject
from press_app.config import Settings
from press_app.sites import service
from press_app.sites.errors import LoginLinkUnknown, SiteUnknown
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Site
from press_app.sites.schemas import (
    HoldPlace,
    LoginLinkView,
    PasswordSet,
    PasswordView,
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

Session = OrmSession


def _view(session: Session, settings: Settings, site: Site) -> SiteView:
    return _views(session, settings, [site])[0]


def _views(session: Session, settings: Settings, sites: Sequence[Site]) -> list[SiteView]:
    holds = service.list_holds_of(session, [site.id for site in sites])
    return [
        SiteView.of(site, holds.get(site.id, []), settings.site_url(site.hostname) if site.hostname else None)
        for site in sites
    ]


def _get(session: Session, who: Subject, site_id: str, action: Permission) -> Site:
    site = service.get_site(session, site_id)
    message = f"There is no site {site_id}."
    who.require_team(site.team_id, action, missing=SiteUnknown(message, site_id=site_id))
    return site


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
            company=body.company,
            admin_email=normalise_email(body.admin_email),
            covered_by="operator" if who.is_operator else None,
        )
        uow.session.flush()
        return _view(uow.session, settings, site)

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
        return SitePage(items=_views(session, settings, found.items), next_cursor=found.next_cursor)


@router.get("/{site_id}", operation_id="get_site", responses=problems(401, 403, 404, 422))
def get_site(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """One site."""
    with work.read() as session:
        return _view(session, settings, _get(session, who, site_id, Permission.SITES_READ))


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
        site = _get(session, who, site_id, Permission.SITES_READ)
        rows = journal.list_timeline(session, site.target, before=before, limit=limit)
    items = [TimelineEntry.of(row) for row in rows]
    return Timeline(items=items, next_before=rows[-1].id if len(rows) == limit else None)


@router.post("/{site_id}/archive", operation_id="archive_site", responses=problems(401, 403, 404, 409, 422))
def archive_site(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """Back the site up, prove the backup, and remove it from its host; it can be brought back for some time."""
    with open_uow(work, who) as uow:
        site = _get(uow.session, who, site_id, Permission.SITES_WRITE)
        service.set_wanted(uow, site, Wanted.ARCHIVED, why=f"asked by {who.name}")
        uow.session.flush()
        return _view(uow.session, settings, site)


@router.post(
    "/{site_id}/undo-archive", operation_id="undo_archive", responses=problems(401, 403, 404, 409, 422)
)
def undo_archive(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """Bring an archived site back from its proven backup."""
    with open_uow(work, who) as uow:
        site = _get(uow.session, who, site_id, Permission.SITES_WRITE)
        service.request_undo(uow, site, by_operator=who.is_operator)
        uow.session.flush()
        return _view(uow.session, settings, site)


@router.post("/{site_id}/retry", operation_id="retry_site", responses=problems(401, 403, 404, 409, 422))
def retry_site(site_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep) -> SiteView:
    """Try again what broke."""
    with open_uow(work, who) as uow:
        site = _get(uow.session, who, site_id, Permission.SITES_WRITE)
        service.request_retry(uow, site)
        uow.session.flush()
        return _view(uow.session, settings, site)


@router.put("/{site_id}/holds", operation_id="place_hold", responses=problems(401, 403, 404, 409, 422))
def place_hold(
    site_id: str, body: HoldPlace, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> SiteView:
    """Suspend a site. For operators."""
    who.require_operator()
    with open_uow(work, who) as uow:
        site = _get(uow.session, who, site_id, Permission.SITES_WRITE)
        service.place_hold(uow, site, body.kind, body.message)
        uow.session.flush()
        return _view(uow.session, settings, site)


@router.delete(
    "/{site_id}/holds/{kind}", operation_id="lift_hold", responses=problems(401, 403, 404, 409, 422)
)
def lift_hold(
    site_id: str, kind: HoldKind, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> SiteView:
    """Lift one hold; the site runs again when no other stands. For operators."""
    who.require_operator()
    with open_uow(work, who) as uow:
        site = _get(uow.session, who, site_id, Permission.SITES_WRITE)
        service.lift_hold(uow, site, kind, why=f"lifted by {who.name}")
        return _view(uow.session, settings, site)


@router.post(
    "/{site_id}/login-links",
    status_code=202,
    operation_id="create_login_link",
    responses=problems(401, 403, 404, 409, 422),
)
def create_login_link(
    site_id: str, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> LoginLinkView:
    """Ask for a one-time login as the owner; read it with the other endpoint in a moment."""

    def make() -> LoginLinkView:
        site = _get(uow.session, who, site_id, Permission.SITES_LOGIN)
        return LoginLinkView.of(service.request_login_link(uow, site), None)

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@router.get(
    "/{site_id}/login-links/{link_id}", operation_id="read_login_link", responses=problems(401, 403, 404, 422)
)
def read_login_link(
    site_id: str, link_id: str, work: WorkDep, settings: SettingsDep, who: SubjectDep
) -> LoginLinkView:
    """The link, for whoever asked for it."""
    with open_uow(work, who) as uow:
        site = _get(uow.session, who, site_id, Permission.SITES_LOGIN)
        link = service.get_login_link(uow.session, link_id)
        if link.site_id != site.id or link.asked_by != who.actor:
            message = "There is no such login link, or it expired. Ask for a new one."
            raise LoginLinkUnknown(message, link_id=link_id)
        url = service.open_login_link(uow, link, settings.site_url(site.hostname or ""))
        return LoginLinkView.of(link, url)


@router.post(
    "/{site_id}/password",
    status_code=202,
    operation_id="set_password",
    responses=problems(401, 403, 404, 409, 422),
)
def set_password(
    site_id: str, body: PasswordSet, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> PasswordView:
    """Set the owner's password in the ERP."""

    def make() -> PasswordView:
        return _set_password(uow, who, site_id, body)

    def hide(view: PasswordView) -> PasswordView:
        return view.model_copy(update={"password": ""})

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make, keep=hide)


def _set_password(uow: UnitOfWork, who: Subject, site_id: str, body: PasswordSet) -> PasswordView:
    site = _get(uow.session, who, site_id, Permission.SITES_WRITE)
    given = body.password.get_secret_value() if body.password else None
    job, password = service.request_password(uow, site, given)
    return PasswordView(job_id=job.id, login=site.admin_login, password=password)
