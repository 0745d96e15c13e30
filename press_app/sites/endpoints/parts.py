"""What the sites' doors have in common."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session as OrmSession

from press_app.access.dependencies import Idempotency, open_uow
from press_app.access.rules import Permission
from press_app.access.subject import Subject
from press_app.config import Settings
from press_app.jobs.model import Job
from press_app.sites import service
from press_app.sites.errors import SiteUnknown
from press_app.sites.model import Site
from press_app.sites.schemas import ChangeStarted, SiteView
from press_app.work.unit_of_work import UnitOfWork, Work

Session = OrmSession


def view(session: Session, settings: Settings, site: Site) -> SiteView:
    """One site as it is shown."""
    return list_views(session, settings, [site])[0]


def list_views(session: Session, settings: Settings, sites: Sequence[Site]) -> list[SiteView]:
    """Many of them, for the same number of questions."""
    ids = [site.id for site in sites]
    holds, former = service.list_holds_of(session, ids), service.list_former(session, ids)
    return [
        SiteView.of(
            site,
            holds.get(site.id, []),
            former.get(site.id, []),
            settings.site_url(site.hostname) if site.hostname else None,
        )
        for site in sites
    ]


def get(session: Session, who: Subject, site_id: str, action: Permission) -> Site:
    """The site, for whoever may do this to it. Raises ``site_unknown``, also where it is another team's."""
    site = service.get_site(session, site_id)
    message = f"There is no site {site_id}."
    who.require_team(site.team_id, action, missing=SiteUnknown(message, site_id=site_id))
    return site


def act_on(
    work: Work, settings: Settings, who: Subject, site_id: str, act: Callable[[UnitOfWork, Site], object]
) -> SiteView:
    """Do something to a site, and show it."""
    with open_uow(work, who) as uow:
        site = get(uow.session, who, site_id, Permission.SITES_WRITE)
        act(uow, site)
        uow.session.flush()
        return view(uow.session, settings, site)


def start(
    work: Work,
    who: Subject,
    site_id: str,
    idempotency: Idempotency,
    act: Callable[[UnitOfWork, Site], Job | None],
) -> ChangeStarted:
    """Begin a change; its job does the work."""
    with open_uow(work, who) as uow:
        return idempotency.run(
            uow,
            lambda: ChangeStarted.of(act(uow, get(uow.session, who, site_id, Permission.SITES_WRITE))),
        )
