"""Copies of a site: ordered like any site, made from a proven backup of another one, and silent for good."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from press_app.benches import service as benches
from press_app.benches.errors import NoBench
from press_app.edge.port import RouteState
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.sites import rules
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import LIFECYCLE, HoldKind, SiteEvent, SiteStatus, Wanted
from press_app.sites.model import Site
from press_app.sites.rules import MAX_FAILURES, Action
from press_app.sites.service import logins, orders, outcomes, reads, starts, wishes
from press_app.work.unit_of_work import UnitOfWork

BACKUP_KIND = "for-copy"
NOT_COPIED = frozenset({HoldKind.OPERATOR, HoldKind.QUOTA, HoldKind.SECURITY})
"""Holds because of what the site does or has; one for billing is about who pays, which a copy has to find, too."""
MADE_WITHIN = timedelta(hours=1)
"""A copy has data, and takes as long as a restore does; a new site has none."""


def check_copyable(uow: UnitOfWork, origin: Site, *, by_operator: bool) -> None:
    """Raises :class:`SiteNotReady` while somebody looks into the origin: a copy would go on with what it is held for."""
    kinds = [hold.kind for hold in reads.list_holds(uow.session, origin.id) if hold.kind in NOT_COPIED]
    if kinds and not by_operator:
        message = (
            f"{origin.name} is held ({', '.join(kinds)}), and no copy is made of a site that is held for this. Nothing was "
            "created. It can be copied when the hold is lifted; ask an operator."
        )
        raise SiteNotReady(message, site_id=origin.id, holds=[kind.value for kind in kinds])


def start_backup_for_copy(uow: UnitOfWork, origin: Site) -> str:
    """Take the backup that a copy is made from. Returns its id. Raises :class:`SiteNotReady`, and ``busy``."""
    is_held = reads.is_held(uow.session, origin.id)
    if origin.status is not SiteStatus.ACTIVE or is_held:
        message = (
            f"{origin.name} is {origin.status}{' and held' if is_held else ''}, so no backup of its present data is taken. "
            "Nothing was created. Name one of its backups instead, or wait until it is active."
        )
        raise SiteNotReady(message, site_id=origin.id, status=origin.status.value)
    backup_id, _ = starts.start_backup(uow, origin, kind=BACKUP_KIND)
    return backup_id


def reserve_copy(
    uow: UnitOfWork,
    origin: Site,
    *,
    name: str,
    domain: str,
    backup_id: str,
    apps: Sequence[str],
    covered_by: str | None = None,
) -> Site:
    """Take the name for a copy of ``origin`` and promise it; it is made when this backup is proven.

    Raises what the rules and the listeners of ``SiteReserved`` raise.
    """
    rules.check_name(name)
    now = uow.now()
    _, lacking = rules.compare(origin.apps, apps)
    orphans = rules.list_orphans(origin.config, lacking, apps)
    site = Site(
        id=new_id(),
        team_id=origin.team_id,
        name=name,
        hostname=f"{name}.{domain}",
        apps=list(apps),
        config={key: value for key, value in origin.config.items() if key not in orphans},
        locale=dict(origin.locale),
        company=origin.company,
        admin_login=origin.admin_login,
        admin_email=origin.admin_email,
        wanted=Wanted.RUNNING,
        route=RouteState.NONE,
        failures=0,
        is_muted=True,
        origin_site_id=origin.id,
        origin_backup_id=backup_id,
        created_at=now,
    )
    site.enter(LIFECYCLE.initial, now)
    wishes.promise(
        uow,
        site,
        domain,
        covered_by=covered_by,
        message=f"{site.hostname} was ordered as a copy of {origin.name}.",
    )
    return site


def start_copy(uow: UnitOfWork, site: Site, backup: Mapping[str, Any]) -> None:
    """Its backup is proven: make it, near its origin; without a free place it waits."""
    origin = reads.get_site(uow.session, site.origin_site_id or "")
    if not site.has_place:
        try:
            site.bench_id = benches.take_place_near(uow, origin.bench_id or "", site.apps).id
        except NoBench as full:
            starts.wait_for_bench(uow, site, full, Action.INSTALL)
            return
        site.has_place = True
    orders.move(
        uow, site, SiteEvent.INSTALL, f"{site.hostname} is being made from a backup of {origin.name}."
    )
    site.deadline_at = uow.now() + MADE_WITHIN
    orders.request(
        uow,
        site,
        "restore_site",
        purpose=f"Make {site.hostname} from a backup of {origin.name}",
        within=orders.DATA_WITHIN,
        params={**orders.restore_params(site, backup), "copied_from": origin.id},
    )


def call_off_copy(uow: UnitOfWork, site: Site, why: str) -> None:
    """There is nothing to make it from: the name is free, the plan's place too, and the timeline says why."""
    starts.abandon(
        uow, site, f"{site.name} was not made, because the backup for it failed: {why} The name is free."
    )
    site.error = {"code": "backup_failed", "message": f"The backup that it was to be made from failed: {why}"}


def wake_copies(uow: UnitOfWork, backup_id: str) -> None:
    """The backup that they wait for has ended."""
    waiting = (Site.origin_backup_id == backup_id, Site.status == SiteStatus.RESERVED)
    for site_id in uow.session.scalars(select(Site.id).where(*waiting)):
        uow.enqueue("site.converge", unique_key=f"converge:{site_id}", site_id=site_id)


def list_origins(session: Session | ReadSession, site_id: str) -> set[str]:
    """Backups of this site that copies are still made from."""
    being_made = Site.status.in_([SiteStatus.RESERVED, SiteStatus.INSTALLING, SiteStatus.BROKEN])
    query = select(Site.origin_backup_id).where(Site.origin_site_id == site_id, being_made)
    return {str(backup_id) for backup_id in session.scalars(query)}


def on_copy_finished(uow: UnitOfWork, site: Site, job: Job) -> None:
    """The copy stands on the host, or nothing of it does."""
    if not outcomes.is_awaited(uow, site, SiteStatus.INSTALLING):
        return
    if job.status is JobStatus.SUCCEEDED:
        site.size_bytes = (job.result or {}).get("size_bytes")
        outcomes.tell_data_replaced(uow, site, job)
        logins.forget_first(uow, site)
        outcomes.open_edge(uow, site)
    elif outcomes.is_compensated(job) and site.failures + 1 < MAX_FAILURES:
        outcomes.leave(uow, site)
        outcomes.retry_later(uow, site, job, SiteEvent.INSTALL_UNDONE, "install")
    else:
        outcomes.break_down(uow, site, job, "install")
