"""HTTP doors that let people into a site."""

from fastapi import APIRouter

from press_app.access.dependencies import IdempotencyDep, SettingsDep, SubjectDep, WorkDep, open_uow
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.access.subject import Subject
from press_app.sites import service
from press_app.sites.endpoints import parts
from press_app.sites.errors import LoginLinkUnknown
from press_app.sites.schemas import LoginLinkView, PasswordSet, PasswordView
from press_app.work.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/sites", tags=["sites"])


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
        site = parts.get(uow.session, who, site_id, Permission.SITES_LOGIN)
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
        site = parts.get(uow.session, who, site_id, Permission.SITES_LOGIN)
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
    site = parts.get(uow.session, who, site_id, Permission.SITES_WRITE)
    given = body.password.get_secret_value() if body.password else None
    job, password = service.request_password(uow, site, given)
    return PasswordView(job_id=job.id, login=site.admin_login, password=password)
