"""What people and higher slices ask of sites: stored first, then made true."""

from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from press_app.edge.port import RouteState
from press_app.jobs import service as jobs
from press_app.jobs.model import Job
from press_app.kit.crypto import new_password
from press_app.kit.ids import new_id
from press_app.kit.locale import CONTRACTS_OWN, Locale
from press_app.plans import rules as plan_rules
from press_app.plans.errors import AppUnknown
from press_app.releases import service as releases
from press_app.sites import rules
from press_app.sites.errors import SiteNotReady
from press_app.sites.events import SiteReserved, SiteReturnWanted
from press_app.sites.lifecycle import LIFECYCLE, HoldKind, SiteStatus, Wanted
from press_app.sites.model import Hold, LoginLink, Site
from press_app.sites.service import addresses, logins, orders, reads, starts
from press_app.spares import service as spares
from press_app.teams import service as teams
from press_app.work.unit_of_work import UnitOfWork

LOGIN_LINK_LIVES = timedelta(minutes=5)
PASSWORD_LIVES = timedelta(hours=1)
BY_OPERATOR = "operator"


def reserve(
    uow: UnitOfWork,
    *,
    team_id: str,
    name: str,
    domain: str,
    apps: tuple[str, ...],
    company: str,
    admin_email: str,
    covered_by: str | None = None,
    locale: Locale = CONTRACTS_OWN,
    other_locale: Locale | None = None,
) -> Site:
    """Take the name and promise the site, for ``other_locale`` where its engine does not know the first.

    Raises what the rules and the listeners of ``SiteReserved`` raise.
    """
    rules.check_name(name)
    teams.get_team(uow.session, team_id)
    chosen = plan_rules.check_apps(apps)
    if covered_by in {None, BY_OPERATOR}:
        _check_known(uow, chosen)
    now = uow.now()
    spare = spares.claim(uow, chosen, locale)
    site = Site(
        id=spare.id if spare else new_id(),
        team_id=team_id,
        name=name,
        hostname=f"{name}.{domain}",
        apps=list(chosen),
        locale=locale.as_json(),
        other_locale=other_locale.as_json() if other_locale else None,
        company=rules.clean_line(company, name),
        admin_login=spares.OWNER,
        admin_email=admin_email,
        wanted=Wanted.RUNNING,
        route=RouteState.NONE,
        failures=0,
        bench_id=spare.bench_id if spare else None,
        has_place=spare is not None,
        created_at=now,
    )
    site.enter(LIFECYCLE.initial, now)
    promise(uow, site, domain, covered_by=covered_by, message=f"{site.hostname} was ordered.")
    if spare is None:
        jobs.put_secret(uow, spares.password_ref(site.id), new_password())
    return site


def promise(uow: UnitOfWork, site: Site, domain: str, *, covered_by: str | None, message: str) -> None:
    """Take its name, ask whether it may exist, and let it be made."""
    _take_name(uow, site, domain)
    apps = tuple(site.apps)
    uow.publish(SiteReserved(site_id=site.id, team_id=site.team_id, apps=apps, covered_by=covered_by))
    uow.record("site.reserved", site.target, message, team_id=site.team_id, status=site.status.value)
    _converge_soon(uow, site)


def _check_known(uow: UnitOfWork, apps: tuple[str, ...]) -> None:
    """People mistype; what a plan grants may come with a release of tomorrow."""
    known = releases.list_known_apps(uow.session)
    unknown = [app for app in apps if app not in known and app != plan_rules.BASE]
    if unknown:
        message = (
            f"No release has {', '.join(unknown)}. Nothing was created. Possible: "
            f"{', '.join(plan_rules.order_apps(known | {plan_rules.BASE}))}."
        )
        raise AppUnknown(message, apps=unknown)


def _take_name(uow: UnitOfWork, site: Site, domain: str) -> None:
    try:
        with uow.session.begin_nested():
            uow.session.add(site)
            uow.session.flush()
            addresses.claim(uow, site, site.name, domain)
    except IntegrityError:
        raise addresses.taken(uow.session, site.name, domain) from None


def free_name(uow: UnitOfWork, wish: str, domain: str) -> str:
    """A valid name near ``wish`` that nobody has."""
    serial = 0
    while True:
        name = rules.suggest_name(wish, serial)
        if addresses.is_free(uow.session, f"{name}.{domain}"):
            return name
        serial += 1


def set_wanted(uow: UnitOfWork, site: Site, wanted: Wanted, *, why: str) -> None:
    """Store what the site should be; the reconciler makes it true."""
    if site.wanted is wanted or site.status is SiteStatus.PURGED:
        return
    site.wanted = wanted
    _wake(uow, site)
    uow.record("site.wanted", site.target, f"{site.name} should be {wanted}: {why}", team_id=site.team_id)
    _converge_soon(uow, site)


def place_hold(uow: UnitOfWork, site: Site, kind: HoldKind, message: str) -> bool:
    """Suspend the site for this reason; the same hold again only changes its message. True when it is new."""
    hold = uow.session.get(Hold, (site.id, kind))
    if hold is not None:
        hold.message = message
        return False
    hold = Hold(site_id=site.id, kind=kind, message=message, placed_by=uow.actor, placed_at=uow.now())
    try:
        with uow.session.begin_nested():
            uow.session.add(hold)
    except IntegrityError:
        return False
    uow.record("hold.placed", site.target, f"Held ({kind}): {message}", team_id=site.team_id, hold=kind.value)
    _wake(uow, site)
    _tell_edge(uow, site)
    _converge_soon(uow, site)
    return True


def lift_hold(uow: UnitOfWork, site: Site, kind: HoldKind, *, why: str) -> bool:
    """Remove this reason; others stand. False when there was none."""
    hold = uow.session.get(Hold, (site.id, kind))
    if hold is None:
        return False
    uow.session.delete(hold)
    uow.session.flush()
    uow.record(
        "hold.lifted", site.target, f"No longer held ({kind}): {why}", team_id=site.team_id, hold=kind.value
    )
    _wake(uow, site)
    _tell_edge(uow, site)
    _converge_soon(uow, site)
    return True


def request_login_link(uow: UnitOfWork, site: Site) -> LoginLink:
    """A one-time login as the owner: the one that was made with the site, else a new one. Raises :class:`SiteNotReady`."""
    _check_allowed(site, "login")
    return logins.take_first(uow, site, at_least=LOGIN_LINK_LIVES) or _make_login_link(uow, site)


def _make_login_link(uow: UnitOfWork, site: Site) -> LoginLink:
    link_id = new_id()
    ref = logins.put_token(uow, link_id, lives=LOGIN_LINK_LIVES)
    job = orders.request_short(
        uow,
        site,
        "create_login_link",
        purpose=f"Open {site.hostname} for {uow.actor}",
        within=orders.SHORT_WITHIN,
        login=site.admin_login,
        token=ref,
        ttl_seconds=int(LOGIN_LINK_LIVES.total_seconds()),
    )
    link = LoginLink(
        id=link_id,
        site_id=site.id,
        job_id=job.id,
        asked_by=uow.actor,
        expires_at=uow.now() + LOGIN_LINK_LIVES,
    )
    uow.session.add(link)
    return link


def request_password(uow: UnitOfWork, site: Site, password: str | None) -> tuple[Job, str]:
    """Set the owner's password, a random one where none is given. Returns the job and the password."""
    _check_allowed(site, "password")
    chosen = password or new_password()
    logins.forget_first(uow, site)
    # A name of its own: of two requests each must set the password that its asker was told.
    ref = jobs.put_secret(uow, f"secret://password/{new_id()}/value", chosen, lives=PASSWORD_LIVES)
    job = orders.request_short(
        uow,
        site,
        "set_admin_password",
        purpose=f"Set the owner's password of {site.hostname}",
        within=orders.SHORT_WITHIN,
        login=site.admin_login,
        password=ref,
    )
    return job, chosen


def request_usage(uow: UnitOfWork, site: Site) -> Job:
    """Count users and bytes."""
    return orders.request_short(
        uow, site, "measure_usage", purpose=f"Measure {site.hostname}", within=orders.SHORT_WITHIN
    )


def request_backup(uow: UnitOfWork, site: Site, *, kind: str = "manual") -> tuple[str, Job]:
    """Take a backup now. Returns its id and the job."""
    _check_allowed(site, "backup")
    return starts.start_backup(uow, site, kind=kind)


def check_restorable(uow: UnitOfWork, site: Site) -> None:
    """Raises :class:`SiteNotReady` unless a backup may be put into the site now."""
    _check_allowed(site, "restore")
    if reads.is_held(uow.session, site.id):
        message = f"{site.name} is held. Nothing was changed. It can be restored when the holds are lifted."
        raise SiteNotReady(message, site_id=site.id)


def request_undo(uow: UnitOfWork, site: Site, *, by_operator: bool = False) -> None:
    """Bring an archived site back.

    Raises :class:`SiteNotReady` when it is too late or it is held, and what the listeners of ``SiteReturnWanted`` raise.
    """
    _check_allowed(site, "undo")
    if not rules.can_undo(site.archived_at, site.undo_until, uow.now()):
        message = f"The time to bring {site.name} back is over. Nothing was changed. Restore its backup into a new site."
        raise SiteNotReady(message, site_id=site.id)
    uow.publish(SiteReturnWanted(site.id, site.team_id, tuple(site.apps), by_operator))
    if reads.is_held(uow.session, site.id):
        message = (
            f"{site.name} is held. Nothing was changed. It can be brought back when the holds are lifted."
        )
        raise SiteNotReady(message, site_id=site.id)
    set_wanted(uow, site, Wanted.RUNNING, why=f"brought back by {uow.actor}")


def request_retry(uow: UnitOfWork, site: Site) -> None:
    """Start again what broke, or what waits to be tried again. Raises :class:`SiteNotReady`."""
    if site.status is SiteStatus.BROKEN:
        site.failures = 0
        if starts.repair(uow, site) is not None:
            return
    elif site.retry_at is not None:
        site.retry_at = None
        _converge_soon(uow, site)
        return
    message = (
        f"Nothing of {site.name} can be tried again now. Nothing was changed. Look at its holds and jobs."
    )
    raise SiteNotReady(message, site_id=site.id)


def _check_allowed(site: Site, what: str) -> None:
    if not LIFECYCLE.allows(site.status, what):
        message = f"{site.name} is {site.status}, so this is not possible now ({what}). Nothing was changed."
        raise SiteNotReady(message, site_id=site.id, status=site.status.value, action=what)


def _wake(uow: UnitOfWork, site: Site) -> None:
    """A new wish is tried at once, whatever waited before; also on a broken site."""
    site.retry_at = uow.now() if site.status is SiteStatus.BROKEN else None


def _tell_edge(uow: UnitOfWork, site: Site) -> None:
    """A hold closes the edge at once, even while other work keeps the site from being suspended on its host."""
    if site.route in {RouteState.LIVE, RouteState.SUSPENDED}:
        uow.enqueue("edge.publish", unique_key="edge.publish")


def _converge_soon(uow: UnitOfWork, site: Site) -> None:
    uow.enqueue("site.converge", unique_key=f"converge:{site.id}", site_id=site.id)
