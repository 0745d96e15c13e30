"""What can be done with backups."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from press_app.backups.errors import BackupNotVerified, BackupUnknown
from press_app.backups.lifecycle import LIFECYCLE, BackupEvent, BackupStatus
from press_app.backups.model import Backup
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.sites import service as sites
from press_app.sites.errors import NoBackup
from press_app.sites.events import (
    SiteAppsWanted,
    SiteBackupEnded,
    SiteBackupStarted,
    SiteCopyDue,
    SiteDataReplaced,
    SiteRestoreWanted,
)
from press_app.sites.model import Site
from press_app.work.unit_of_work import UnitOfWork

BY_OPERATOR = "operator"


def on_backup_started(uow: UnitOfWork, event: SiteBackupStarted) -> None:
    """A job that takes a backup was promised."""
    backup = Backup(
        id=event.backup_id,
        site_id=event.site_id,
        team_id=event.team_id,
        engine=event.engine,
        kind=event.kind,
        apps=list(event.apps),
        created_at=uow.now(),
    )
    backup.enter(LIFECYCLE.initial, uow.now())
    uow.session.add(backup)
    uow.session.flush()


def on_backup_ended(uow: UnitOfWork, event: SiteBackupEnded) -> None:
    """The agent's answer: only what was read back counts as a backup."""
    backup = get_backup(uow.session, event.backup_id)
    receipt = event.backup
    subject = f"site:{backup.site_id}"
    if receipt is not None and receipt.get("verified_at"):
        backup.receipt = receipt
        backup.size_bytes = int(receipt["size_bytes"])
        backup.taken_at = datetime.fromisoformat(str(receipt["taken_at"]))
        backup.verified_at = datetime.fromisoformat(str(receipt["verified_at"]))
        backup.error = None
        if backup.status is not BackupStatus.VERIFIED:
            backup.apply(BackupEvent.VERIFY, uow.now())
        message = f"Backup of {backup.size_bytes} bytes was stored, read back and is right."
        uow.record("backup.verified", subject, message, team_id=backup.team_id, backup_id=backup.id)
    elif backup.status is BackupStatus.TAKING:
        backup.error = (event.error or "The stored copy was not read back.")[:1000]
        backup.apply(BackupEvent.FAIL, uow.now())
        uow.record(
            "backup.failed",
            subject,
            f"Backup failed: {backup.error}",
            team_id=backup.team_id,
            backup_id=backup.id,
        )
    sites.wake_copies(uow, backup.id)


def on_copy_due(uow: UnitOfWork, event: SiteCopyDue) -> None:
    """A copy is to be made: when its backup is proven; never, when that failed."""
    site = sites.get_site(uow.session, event.site_id)
    backup = get_backup(uow.session, event.backup_id)
    if backup.receipt is not None and backup.status is BackupStatus.VERIFIED:
        sites.start_copy(uow, site, backup.receipt)
    elif backup.status is BackupStatus.FAILED:
        sites.call_off_copy(uow, site, backup.error or "it was not read back.")


def on_data_replaced(uow: UnitOfWork, event: SiteDataReplaced) -> None:
    """With the data of a backup come the apps that the site had then; of one of an earlier version they are known now."""
    backup = uow.session.get(Backup, event.backup_id)
    if backup is not None and backup.apps is None and event.apps is not None:
        backup.apps = list(event.apps)
    apps = event.apps or (backup.apps if backup else None)
    if apps is not None:
        sites.take_apps(uow, sites.get_site(uow.session, event.site_id), apps)


def on_restore_wanted(uow: UnitOfWork, event: SiteRestoreWanted) -> None:
    """An archived site is wanted again: bring it back from its newest proven backup."""
    site = sites.get_site(uow.session, event.site_id)
    backup = find_newest(uow.session, site.id)
    if backup is None or backup.receipt is None:
        message = f"There is no verified backup of {site.name}. Nothing was changed. Ask an operator."
        raise NoBackup(message, site_id=site.id)
    sites.start_restore(uow, site, backup.receipt)


def request_copy(
    uow: UnitOfWork,
    origin: Site,
    *,
    name: str,
    domain: str,
    backup: Backup | None,
    covered_by: str | None = None,
) -> Site:
    """Order a site with the data of ``origin``, as they are now or as this verified backup has them.

    Raises ``backup_unknown`` and :class:`BackupNotVerified`, ``site_not_ready``, ``site_name_taken`` and what the listeners
    of ``SiteReserved`` raise.
    """
    sites.check_copyable(uow, origin, by_operator=covered_by == BY_OPERATOR)
    if backup is not None:
        _check_usable(origin, backup)
    backup_id = backup.id if backup else sites.start_backup_for_copy(uow, origin)
    apps = (backup.apps if backup else None) or origin.apps
    return sites.reserve_copy(
        uow, origin, name=name, domain=domain, backup_id=backup_id, apps=apps, covered_by=covered_by
    )


def _check_usable(site: Site, backup: Backup) -> Mapping[str, Any]:
    """What the agent wrote. Raises ``backup_unknown`` for another site's, :class:`BackupNotVerified` for an unproven one."""
    if backup.site_id != site.id:
        raise unknown(backup.id)
    if not LIFECYCLE.allows(backup.status, "restore") or backup.receipt is None:
        message = "This backup was not read back. Nothing was changed. Choose a verified one."
        raise BackupNotVerified(message, backup_id=backup.id)
    return backup.receipt


def request_restore(uow: UnitOfWork, site: Site, backup: Backup) -> Job:
    """Put the data of a backup into the running site. What was written since is lost, so a backup is taken by hand first.

    Raises :class:`BackupNotVerified`, what the site's state refuses and what the listeners of ``SiteAppsWanted`` raise.
    """
    receipt = _check_usable(site, backup)
    sites.check_restorable(uow, site)
    more = tuple(app for app in backup.apps or () if app not in site.apps)
    if more:
        uow.publish(SiteAppsWanted(site.id, site.team_id, more, is_restore=True))
    return sites.start_restore(uow, site, receipt)


def get_backup(session: Session | ReadSession, backup_id: str) -> Backup:
    """The backup. Raises :class:`BackupUnknown`."""
    backup = session.get(Backup, backup_id)
    if backup is None:
        raise unknown(backup_id)
    return backup


def find_newest(session: Session | ReadSession, site_id: str) -> Backup | None:
    """The newest verified backup of a site."""
    query = select(Backup).where(Backup.site_id == site_id, Backup.status == BackupStatus.VERIFIED)
    return session.scalar(query.order_by(Backup.taken_at.desc()).limit(1))


def list_backups(session: ReadSession, site_id: str, request: PageRequest) -> Page[Backup]:
    """Backups of one site, newest first."""
    return read_page(
        session, select(Backup).where(Backup.site_id == site_id), Backup.id, request, newest_first=True
    )


def list_overdue(session: ReadSession, now: datetime) -> list[str]:
    """Backups that are being taken for too long."""
    return list(session.scalars(select(Backup.id).where(Backup.deadline_at < now)))


def on_overdue(uow: UnitOfWork, backup_id: str) -> None:
    """Its time is over."""
    backup = get_backup(uow.session, backup_id)
    if backup.deadline_at is None or backup.deadline_at >= uow.now():
        return
    backup.error = "It was not stored and read back in time. The site was not touched by this."
    backup.apply(BackupEvent.FAIL, uow.now())
    sites.wake_copies(uow, backup.id)


def unknown(backup_id: str) -> BackupUnknown:
    """The error for an id that is no backup of this site."""
    message = f"There is no backup {backup_id} of this site."
    return BackupUnknown(message, backup_id=backup_id)
