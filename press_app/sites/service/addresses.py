"""Host names and whose they are: each belongs to one site, and a name that was given up leads on for some time."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from press_app.kit.db import ReadSession, Session
from press_app.sites import rules
from press_app.sites.errors import SiteNameTaken
from press_app.sites.lifecycle import AddressKind
from press_app.sites.model import Address, Site
from press_app.sites.service import reads
from press_app.work.unit_of_work import UnitOfWork

KEPT = timedelta(days=30)
"""So long nobody else gets the former name of a site, and visitors are sent on from it."""
AT_LEAST = timedelta(days=1)
"""A former name that its site wants back does not end while that is being done."""
MOST_FORGOTTEN = 500


def claim(uow: UnitOfWork, site: Site, name: str, domain: str) -> None:
    """Take this name for the site, before it has it; its own former name is free for it. Raises :class:`SiteNameTaken`.

    The row's key decides between two who want the same name at the same moment.
    """
    hostname = f"{name}.{domain}"
    known = uow.session.get(Address, hostname, with_for_update=True)
    if known is not None and known.site_id == site.id:
        if known.until is not None:
            known.until = max(known.until, uow.now() + AT_LEAST)
        return
    if known is not None:
        if known.until is None or known.until > uow.now():
            raise taken(uow.session, name, domain)
        uow.session.delete(known)
        uow.session.flush()
    try:
        with uow.session.begin_nested():
            uow.session.add(Address(hostname=hostname, site_id=site.id, kind=AddressKind.NAME))
    except IntegrityError:
        raise taken(uow.session, name, domain) from None
    other = reads.find_by_hostname(uow.session, hostname)
    if other is not None and other.id != site.id:
        raise taken(uow.session, name, domain)


def taken(session: Session, name: str, domain: str) -> SiteNameTaken:
    """The error for a name that somebody has, or had until lately, with names that are free."""
    wishes = [f"{name}-{tail}" for tail in ("erp", "2")]
    free = [wish for wish in wishes if len(wish) <= rules.MAX_NAME and is_free(session, f"{wish}.{domain}")]
    known = session.get(Address, f"{name}.{domain}")
    why = f"{name} is taken."
    if known is not None and known.until is not None:
        why = f"{name} was the name of another site and leads to it until {known.until:%-d %B %Y}."
    message = f"{why} Nothing was changed. {' and '.join(free) or 'Another name'} is free."
    return SiteNameTaken(message, name=name, free=free)


def is_free(session: Session | ReadSession, hostname: str) -> bool:
    """Whether no site has this name, is getting it, or had it lately."""
    return session.get(Address, hostname) is None and reads.find_by_hostname(session, hostname) is None


def become(uow: UnitOfWork, site: Site, name: str, hostname: str) -> str:
    """The site has the claimed name from now on, and its old one leads there. Returns the old host name."""
    old = site.hostname or ""
    site.name, site.hostname = name, hostname
    former = uow.session.get(Address, old)
    if former is None:
        former = Address(hostname=old, site_id=site.id)
        uow.session.add(former)
    former.kind, former.until = AddressKind.FORMER, uow.now() + KEPT
    present = uow.session.get(Address, hostname)
    if present is not None:
        present.kind, present.until = AddressKind.NAME, None
    uow.session.flush()
    return old


def release_claim(uow: UnitOfWork, site: Site) -> None:
    """The name that the site was to get is free again; a former one of its own stays one."""
    claimed = (
        Address.site_id == site.id,
        Address.kind == AddressKind.NAME,
        Address.hostname != site.hostname,
    )
    uow.session.execute(delete(Address).where(*claimed).execution_options(synchronize_session=False))


def release_former(uow: UnitOfWork, site: Site) -> None:
    """A site that is gone sends nobody on: its former names are free."""
    former = select(Address).where(Address.site_id == site.id, Address.until.is_not(None))
    for address in uow.session.scalars(former):
        uow.session.delete(address)


def release_all(uow: UnitOfWork, site: Site) -> None:
    """All its names are free."""
    for address in uow.session.scalars(select(Address).where(Address.site_id == site.id)):
        uow.session.delete(address)


def forget_former(uow: UnitOfWork) -> None:
    """Free the former names whose time is over."""
    over = select(Address).where(Address.until <= uow.now()).limit(MOST_FORGOTTEN)
    for address in uow.session.scalars(over):
        # Each on its own, so that the edge learns of it.
        uow.session.delete(address)
        message = f"{address.hostname} does not lead here any more; the name is free."
        uow.record("site.address", f"site:{address.site_id}", message, hostname=address.hostname)


def list_former(session: Session | ReadSession, site_ids: Sequence[str] | None) -> dict[str, list[Address]]:
    """Site id → its former names (None: of all sites); in one query, sites without have no entry."""
    # By the time that they have: it has an index, and names that are in use have none.
    query = select(Address).where(Address.until.is_not(None)).order_by(Address.hostname)
    found: dict[str, list[Address]] = {}
    if site_ids is None or site_ids:
        wanted = query if site_ids is None else query.where(Address.site_id.in_(site_ids))
        for address in session.scalars(wanted):
            found.setdefault(address.site_id, []).append(address)
    return found
