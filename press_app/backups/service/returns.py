"""Making something from a backup: the site itself again, an archived one, a copy."""

from collections.abc import Mapping
from typing import Any

from press_app.backups.errors import BackupNotVerified
from press_app.backups.lifecycle import LIFECYCLE, BackupStatus
from press_app.backups.model import Backup
from press_app.backups.service import reads
from press_app.jobs.model import Job
from press_app.sites import service as sites
from press_app.sites.errors import NoBackup
from press_app.sites.events import SiteAppsWanted, SiteCopyDue, SiteDataReplaced, SiteRestoreWanted
from press_app.sites.model import Site
from press_app.work.unit_of_work import UnitOfWork

BY_OPERATOR = "operator"


def on_copy_due(uow: UnitOfWork, event: SiteCopyDue) -> None:
    """A copy is to be made: when its backup is proven; never, when that failed."""
    site = sites.get_site(uow.session, event.site_id)
    backup = reads.get_backup(uow.session, event.backup_id)
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
    backup = reads.find_newest(uow.session, site.id)
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
        raise reads.unknown(backup.id)
    if not LIFECYCLE.allows(backup.status, "restore") or backup.receipt is None:
        message = f"This backup is {backup.status}, not verified. Nothing was changed. Choose a verified one."
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
