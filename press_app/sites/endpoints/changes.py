"""HTTP doors that change what a site is made of."""

from typing import Any

from fastapi import APIRouter

from press_app.access.dependencies import IdempotencyDep, SettingsDep, SubjectDep, WorkDep
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.sites import service
from press_app.sites.endpoints import parts
from press_app.sites.schemas import (
    AppsPut,
    ChangeStarted,
    ConfigPut,
    ConfigView,
    MoveRequest,
    RenameRequest,
)

router = APIRouter(prefix="/v1/sites", tags=["sites"])

CHANGES: dict[str, Any] = {"status_code": 202, "responses": problems(401, 403, 404, 409, 422)}


@router.put("/{site_id}/apps", operation_id="change_apps", **CHANGES)
def change_apps(
    site_id: str, body: AppsPut, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> ChangeStarted:
    """Install and remove apps, until the site has just these. It is closed meanwhile, and backed up first."""
    return parts.start(
        work, who, site_id, idempotency, lambda uow, site: service.request_apps(uow, site, body.apps)
    )


@router.post("/{site_id}/rename", operation_id="rename_site", **CHANGES)
def rename_site(
    site_id: str,
    body: RenameRequest,
    work: WorkDep,
    settings: SettingsDep,
    who: SubjectDep,
    idempotency: IdempotencyDep,
) -> ChangeStarted:
    """Give the site another address; the old one leads to it for thirty days and is nobody else's."""
    return parts.start(
        work,
        who,
        site_id,
        idempotency,
        lambda uow, site: service.request_rename(uow, site, body.name, settings.site_domain),
    )


@router.post("/{site_id}/move", operation_id="move_site", **CHANGES)
def move_site(
    site_id: str, body: MoveRequest, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> ChangeStarted:
    """Move the site to another bench of its server, and to that bench's release. For operators."""
    who.require_operator()
    return parts.start(
        work,
        who,
        site_id,
        idempotency,
        lambda uow, site: service.request_move(uow, site, bench_id=body.bench_id, release=body.release),
    )


@router.get("/{site_id}/config", operation_id="read_config", responses=problems(401, 403, 404, 422))
def read_config(site_id: str, work: WorkDep, who: SubjectDep) -> ConfigView:
    """The settings of the ERP that were set here."""
    with work.read() as session:
        return ConfigView(config=parts.get(session, who, site_id, Permission.SITES_READ).config)


@router.put("/{site_id}/config", operation_id="set_config", **CHANGES)
def set_config(
    site_id: str, body: ConfigPut, work: WorkDep, who: SubjectDep, idempotency: IdempotencyDep
) -> ChangeStarted:
    """Let just these settings count; a site that serves goes on. A suspended or archived site has them when it is back."""
    return parts.start(
        work, who, site_id, idempotency, lambda uow, site: service.request_config(uow, site, body.config)
    )
