"""Starting the work that brings a site nearer to what it should be."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from press_app.benches import service as benches
from press_app.benches.errors import NoBench
from press_app.edge.port import RouteState
from press_app.jobs import service as jobs
from press_app.jobs.model import Job
from press_app.kit.ids import new_id
from press_app.kit.locale import Locale, name_if_other
from press_app.sites import rules
from press_app.sites.events import SiteCopyDue, SiteRestoreWanted
from press_app.sites.lifecycle import SiteEvent, SiteStatus
from press_app.sites.model import Site
from press_app.sites.rules import Action
from press_app.sites.service import addresses, changes, leftovers, logins, orders, reads
from press_app.spares import service as spares
from press_app.work.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


def converge(uow: UnitOfWork, site_id: str) -> Action | None:
    """Do the next thing that brings the site to what it should be. Returns what was started."""
    site = reads.get_site(uow.session, site_id)
    if not rules.is_time(site.retry_at, uow.now()):
        return None
    if site.status is SiteStatus.BROKEN:
        return repair(uow, site) if site.retry_at is not None else None
    action = rules.next_action(site.status, site.wanted, is_held=reads.is_held(uow.session, site_id))
    if action is not None:
        start(uow, site, action)
    return action


def repair(uow: UnitOfWork, site: Site) -> Action | None:
    """Try a broken site with what it should be. Returns what was started."""
    failed = (site.error or {}).get("action")
    if failed is None:
        return None
    proof = _proof_of_archive(uow, site) if failed == Action.ARCHIVE else None
    is_held = reads.is_held(uow.session, site.id)
    action = rules.repair_action(Action(failed), site.wanted, is_held=is_held, is_saved=proof is not None)
    if action is Action.RESTORE and proof is not None:
        start_restore(uow, site, proof)
    elif action is Action.RESTORE:
        repeat_restore(uow, site)
    elif action is not None:
        start(uow, site, action)
    else:
        site.retry_at = None
    return action


def _proof_of_archive(uow: UnitOfWork, site: Site) -> dict[str, Any] | None:
    """The backup that the last archive had read back before it failed."""
    last = jobs.find_newest(uow.session, site.target, "archive_site")
    backup = ((last.result or {}).get("backup") if last else None) or {}
    return dict(backup) if backup.get("verified_at") else None


def start(uow: UnitOfWork, site: Site, action: Action) -> None:
    """Start one action; the lifecycle refuses what the state does not allow."""
    STARTERS[action](uow, site)


def start_install(uow: UnitOfWork, site: Site) -> None:
    """Find a place and make the site there; without a free place it stays reserved and is served later."""
    if site.origin_backup_id is not None:
        uow.publish(SiteCopyDue(site.id, site.origin_backup_id))
        return
    if not site.has_place:
        try:
            site.bench_id = benches.take_place(uow, site.apps).id
        except NoBench as full:
            wait_for_bench(uow, site, full, Action.INSTALL)
            return
        site.has_place = True
    orders.move(uow, site, SiteEvent.INSTALL, f"{site.hostname} is being set up.")
    # What failed is gone from the host, so a second attempt makes the site anew.
    is_prepared = site.failures == 0 and spares.is_given(uow.session, site.id)
    orders.request(
        uow,
        site,
        "create_site",
        purpose=f"Set up {site.hostname}",
        within=orders.CREATE_WITHIN,
        params={
            "hostname": site.hostname,
            "apps": site.apps,
            "admin": {
                "login": site.admin_login,
                "email": site.admin_email,
                "password": None if is_prepared else spares.password_ref(site.id),
            },
            "company": {"name": site.company},
            "first_login": logins.make_first(uow),
            **name_if_other(Locale(**site.locale)),
            # Left out where it is not so: an agent of an earlier version knows no such word.
            **({"prepared": True} if is_prepared else {}),
        },
    )


def start_suspend(uow: UnitOfWork, site: Site) -> None:
    """Close the edge first, then the host."""
    holds = reads.list_holds(uow.session, site.id)
    reason = holds[0].message if holds else "No reason was given."
    site.route = RouteState.SUSPENDED
    logins.forget_first(uow, site)
    orders.move(uow, site, SiteEvent.SUSPEND, f"{site.hostname} is being suspended: {reason}")
    uow.enqueue("edge.publish", unique_key="edge.publish")
    kind = holds[0].kind.value if holds else "operator"
    orders.request(
        uow,
        site,
        "suspend_site",
        purpose=f"Suspend {site.hostname}",
        within=orders.CLOSE_WITHIN,
        params={"reason": kind},
    )


def start_resume(uow: UnitOfWork, site: Site) -> None:
    """Open the host first, then the edge."""
    orders.move(uow, site, SiteEvent.RESUME, f"{site.hostname} is being opened again.")
    orders.request(
        uow, site, "resume_site", purpose=f"Resume {site.hostname}", within=orders.CLOSE_WITHIN, params={}
    )


def start_archive(uow: UnitOfWork, site: Site) -> None:
    """Close the edge, save the data, then remove the site from the host."""
    site.route = RouteState.SUSPENDED if reads.is_held(uow.session, site.id) else RouteState.MAINTENANCE
    uow.enqueue("edge.publish", unique_key="edge.publish")
    # The host may hold only a part of it any more; the agent goes on from the backup that was proven.
    proof = _proof_of_archive(uow, site) if site.status is SiteStatus.BROKEN else None
    orders.move(uow, site, SiteEvent.ARCHIVE, f"{site.hostname} is being backed up and archived.")
    logins.forget_first(uow, site)
    backup_id = new_id()
    params = {**orders.writing(uow, site, backup_id), **(orders.reading(proof) if proof else {})}
    orders.request(
        uow,
        site,
        "archive_site",
        purpose=f"Archive {site.hostname}",
        within=orders.DATA_WITHIN,
        params=params,
    )
    orders.tell_backup_started(uow, site, backup_id, "archive")


def start_backup(uow: UnitOfWork, site: Site, *, kind: str, is_routine: bool = False) -> tuple[str, Job]:
    """Take a backup while the site serves. Returns the backup's id and the job."""
    backup_id = new_id()
    job = orders.request(
        uow,
        site,
        "take_backup",
        purpose=f"Back up {site.hostname}",
        within=orders.DATA_WITHIN,
        is_routine=is_routine,
        params=orders.writing(uow, site, backup_id),
    )
    orders.tell_backup_started(uow, site, backup_id, kind)
    return backup_id, job


def start_restore(uow: UnitOfWork, site: Site, backup: Mapping[str, Any]) -> Job:
    """Make the site from a backup, or replace its data with it.

    Raises :class:`press_app.benches.errors.NoBench` when it has no place any more and there is no other.
    """
    changes.give_up(uow, site)
    if not site.has_place:
        # The removal of what it left on a bench may be on its way to the host: it would hit the site itself there.
        left_on = leftovers.list_benches_of(uow.session, site.id)
        site.bench_id = benches.take_place_back(uow, site.bench_id or "", site.apps, avoid=left_on).id
        site.has_place = True
    site.route = RouteState.MAINTENANCE
    logins.forget_first(uow, site)
    orders.move(
        uow,
        site,
        SiteEvent.RESTORE,
        f"{site.hostname} is being restored from the backup of {backup['taken_at']}.",
    )
    uow.enqueue("edge.publish", unique_key="edge.publish")
    return orders.request(
        uow,
        site,
        "restore_site",
        purpose=f"Restore {site.hostname}",
        within=orders.DATA_WITHIN,
        params=orders.restore_params(site, backup),
    )


def want_restore(uow: UnitOfWork, site: Site) -> None:
    """An archived site is wanted again: whoever keeps the backups starts it."""
    try:
        uow.publish(SiteRestoreWanted(site.id))
    except NoBench as full:
        wait_for_bench(uow, site, full, Action.RESTORE)


def repeat_restore(uow: UnitOfWork, site: Site) -> None:
    """Restore again from the very backup of the last attempt."""
    last = jobs.find_newest(uow.session, site.target, "restore_site")
    if last is None:
        want_restore(uow, site)
    else:
        start_restore(uow, site, last.params["backup"])


def wait_for_bench(uow: UnitOfWork, site: Site, full: NoBench, action: Action) -> None:
    """It is served later; why it waits is said once."""
    if site.error is None:
        site.error = {"code": full.code, "message": full.message, "action": action.value}
        uow.record("site.waiting", site.target, full.message, team_id=site.team_id)


def abandon(uow: UnitOfWork, site: Site, why: str | None = None) -> None:
    """Ended before it was made: free the name, and remove the spare that it may have taken."""
    if site.has_place and site.bench_id is not None:
        spares.take_back(uow, site.id, bench_id=site.bench_id, apps=site.apps)
        benches.give_place_back(uow, site.bench_id)
        site.has_place = False
    site.hostname = None
    addresses.release_all(uow, site)
    orders.move(
        uow, site, SiteEvent.ABANDON, why or f"{site.name} was ended before it was made; the name is free."
    )


STARTERS: Mapping[Action, Callable[[UnitOfWork, Site], object]] = {
    Action.INSTALL: start_install,
    Action.SUSPEND: start_suspend,
    Action.RESUME: start_resume,
    Action.ARCHIVE: start_archive,
    Action.RESTORE: want_restore,
    Action.CHANGE: changes.repeat,
    Action.ABANDON: abandon,
}


def repair_host_state(uow: UnitOfWork, site: Site) -> None:
    """The host disagrees about open or closed: tell it again. The data are not touched."""
    if site.status is SiteStatus.ACTIVE:
        orders.request(
            uow,
            site,
            "resume_site",
            purpose=f"Open {site.hostname} again on its host",
            within=orders.CLOSE_WITHIN,
            params={},
        )
    elif site.status is SiteStatus.SUSPENDED:
        holds = reads.list_holds(uow.session, site.id)
        kind = holds[0].kind.value if holds else "operator"
        purpose = f"Close {site.hostname} again on its host"
        orders.request(
            uow, site, "suspend_site", purpose=purpose, within=orders.CLOSE_WITHIN, params={"reason": kind}
        )
