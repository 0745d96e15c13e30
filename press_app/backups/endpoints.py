"""HTTP doors of the backups."""

from fastapi import APIRouter
from sqlalchemy.orm import Session as OrmSession

from press_app.access.dependencies import (
    IdempotencyDep,
    PageDep,
    SettingsDep,
    SubjectDep,
    WorkDep,
    open_uow,
)
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.access.subject import Subject
from press_app.backups import service
from press_app.backups.schemas import (
    BackupPage,
    BackupPolicy,
    BackupView,
    CopyRequest,
    CopyView,
    RestoreRequest,
    RestoreView,
)
from press_app.sites import service as sites
from press_app.sites.errors import SiteUnknown
from press_app.sites.model import Site

router = APIRouter(prefix="/v1/sites/{site_id}", tags=["backups"])
policy = APIRouter(prefix="/v1/backup-policy", tags=["backups"])


def _get(session: OrmSession, who: Subject, site_id: str, action: Permission) -> Site:
    site = sites.get_site(session, site_id)
    message = f"There is no site {site_id}."
    who.require_team(site.team_id, action, missing=SiteUnknown(message, site_id=site_id))
    return site


@router.post(
    "/backups", status_code=202, operation_id="take_backup", responses=problems(401, 403, 404, 409, 422)
)
def take_backup(site_id: str, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep) -> BackupView:
    """Back the site up now, while it serves; the copy is stored off the host and read back."""

    def make() -> BackupView:
        site = _get(uow.session, who, site_id, Permission.BACKUPS_WRITE)
        backup_id, _ = sites.request_backup(uow, site)
        return BackupView.of(service.get_backup(uow.session, backup_id))

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@router.get("/backups", operation_id="list_backups", responses=problems(401, 403, 404, 422))
def list_backups(site_id: str, work: WorkDep, who: SubjectDep, page: PageDep) -> BackupPage:
    """Backups of a site, newest first."""
    with work.read() as session:
        site = _get(session, who, site_id, Permission.BACKUPS_READ)
        found = service.list_backups(session, site.id, page)
        return BackupPage(
            items=[BackupView.of(backup) for backup in found.items], next_cursor=found.next_cursor
        )


@router.post(
    "/copies", status_code=202, operation_id="copy_site", responses=problems(401, 403, 404, 409, 422)
)
def copy_site(
    site_id: str,
    body: CopyRequest,
    work: WorkDep,
    settings: SettingsDep,
    who: SubjectDep,
    idempotency: IdempotencyDep,
) -> CopyView:
    """Order a copy of the site: another one of its team, made from a fresh backup or from the named one."""

    def make() -> CopyView:
        origin = _get(uow.session, who, site_id, Permission.SITES_WRITE)
        backup = None if body.backup_id is None else service.get_backup(uow.session, body.backup_id)
        copy = service.request_copy(
            uow,
            origin,
            name=body.name,
            domain=settings.site_domain,
            backup=backup,
            covered_by="operator" if who.is_operator else None,
        )
        return CopyView(site_id=copy.id, hostname=copy.hostname or "", backup_id=copy.origin_backup_id or "")

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@router.post(
    "/restores", status_code=202, operation_id="restore_site", responses=problems(401, 403, 404, 409, 422)
)
def restore_site(
    site_id: str, body: RestoreRequest, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> RestoreView:
    """Put the data of a backup into the site."""

    def make() -> RestoreView:
        site = _get(uow.session, who, site_id, Permission.BACKUPS_WRITE)
        backup = service.get_backup(uow.session, body.backup_id)
        return RestoreView(job_id=service.request_restore(uow, site, backup).id)

    with open_uow(work, who) as uow:
        return idempotency.run(uow, make)


@policy.get("", operation_id="get_backup_policy", responses=problems(401, 403))
def get_backup_policy(settings: SettingsDep, who: SubjectDep) -> BackupPolicy:
    """How often sites are backed up by themselves, and what is kept of that."""
    who.require_scope(Permission.BACKUPS_READ)
    return BackupPolicy.of(settings)
