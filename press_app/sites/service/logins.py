"""One-time logins: their tokens, the one that comes with a new site, and what becomes of them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.crypto import new_token
from press_app.kit.ids import new_id
from press_app.sites import rules
from press_app.sites.model import LoginLink, Site
from press_app.sites.service import reads
from press_app.work.unit_of_work import UnitOfWork

PREFIX = "secret://login/"
FIRST_LIVES = timedelta(minutes=15)
"""From the start of the creation. Whoever has it can use it until then, so it must not be long."""
KEEP_LINKS = timedelta(days=1)


def put_token(uow: UnitOfWork, link_id: str, *, lives: timedelta) -> str:
    """Seal a new token for this link; its name, by which the agent fetches it."""
    return jobs.put_secret(uow, _ref(link_id), new_token("login"), lives=lives)


def _ref(link_id: str) -> str:
    """The name of the token of a login link."""
    return f"{PREFIX}{link_id}/token"


def _link_id(ref: str) -> str:
    """The link that a token's name belongs to."""
    return ref.removeprefix(PREFIX).partition("/")[0]


def make_first(uow: UnitOfWork) -> dict[str, Any]:
    """What the agent must know to let the owner in once."""
    token = put_token(uow, new_id(), lives=FIRST_LIVES)
    return {"token": token, "ttl_seconds": int(FIRST_LIVES.total_seconds())}


def keep_first(uow: UnitOfWork, site: Site, job: Job) -> None:
    """What lets the owner in once stands ready for whoever may ask for it, and does first."""
    path = (job.result or {}).get("login_path")
    login = job.params.get("first_login")
    if login is None or not rules.is_local_path(path):
        return
    link = LoginLink(
        id=_link_id(login["token"]),
        site_id=site.id,
        job_id=job.id,
        path=path,
        # The bench counts from later on, so that it still takes what is given out here.
        expires_at=job.created_at + timedelta(seconds=login["ttl_seconds"]),
    )
    uow.session.add(link)


def take_first(uow: UnitOfWork, site: Site, *, at_least: timedelta) -> LoginLink | None:
    """The link that came with the site, while nobody has it and it lives for so long."""
    worthwhile = LoginLink.expires_at > uow.now() + at_least
    is_free = (LoginLink.site_id == site.id, LoginLink.asked_by.is_(None), worthwhile)
    link = uow.session.scalar(select(LoginLink).where(*is_free).limit(1))
    if link is None:
        return None
    # Only one of two who ask at the same moment gets it.
    taken = uow.session.execute(
        update(LoginLink)
        .where(LoginLink.id == link.id, LoginLink.asked_by.is_(None))
        .values(asked_by=uow.actor)
        .execution_options(synchronize_session=False)
    )
    if getattr(taken, "rowcount", 0) != 1:
        return None
    uow.session.refresh(link)
    message = f"A link that logs in once was given to {uow.actor}."
    uow.record("site.login_link", site.target, message, team_id=site.team_id, link_id=link.id)
    return link


def forget_first(uow: UnitOfWork, site: Site) -> None:
    """What would let somebody in ends on the host: with a suspension, a new password, and data that are replaced."""
    unasked = (LoginLink.site_id == site.id, LoginLink.asked_by.is_(None))
    uow.session.execute(delete(LoginLink).where(*unasked).execution_options(synchronize_session=False))


def open_login_link(uow: UnitOfWork, link: LoginLink, site_url: str) -> str | None:
    """The whole link with its token in the fragment; None while the bench does not know it."""
    if link.path is None or link.expires_at <= uow.now():
        return None
    return f"{site_url}{link.path}#{jobs.open_secret(uow, _ref(link.id))}"


def on_login_link_finished(uow: UnitOfWork, job: Job) -> None:
    """The bench knows the token, or not."""
    link = uow.session.get(LoginLink, _link_id(str(job.params["token"])))
    if link is None:
        return
    site = reads.get_site(uow.session, link.site_id)
    path = (job.result or {}).get("path")
    if job.status is JobStatus.SUCCEEDED and rules.is_local_path(path):
        link.path = path
        message = f"A link that logs in once is ready for {link.asked_by}."
    else:
        link.error = str((job.error or {}).get("message", "The bench did not take the link."))
        message = f"No login link could be made for {link.asked_by}: {link.error}"
    # Who asked for the link waits for this line; without it he would look again after a pause.
    uow.record("site.login_link", site.target, message, team_id=site.team_id, link_id=link.id)


def forget_login_links(uow: UnitOfWork) -> None:
    """Remove links that nobody can use any more; the timeline keeps who had one."""
    old = delete(LoginLink).where(LoginLink.expires_at < uow.now() - KEEP_LINKS)
    uow.session.execute(old.execution_options(synchronize_session=False))
