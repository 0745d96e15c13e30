"""Taking backups: promised, ended, late."""

from datetime import datetime

from press_app.backups import rules
from press_app.backups.lifecycle import LIFECYCLE, BackupEvent, BackupStatus
from press_app.backups.model import Backup
from press_app.backups.service import reads
from press_app.sites import service as sites
from press_app.sites.events import SiteBackupEnded, SiteBackupStarted
from press_app.work.unit_of_work import UnitOfWork


def on_backup_started(uow: UnitOfWork, event: SiteBackupStarted) -> None:
    """A job that takes a backup was promised."""
    backup = Backup(
        id=event.backup_id,
        site_id=event.site_id,
        team_id=event.team_id,
        server_id=event.server_id,
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
    backup = reads.get_backup(uow.session, event.backup_id)
    receipt = event.backup
    subject = f"site:{backup.site_id}"
    if receipt is not None and receipt.get("verified_at"):
        backup.receipt = receipt
        backup.key_id = receipt.get("key_id")
        backup.size_bytes = int(receipt["size_bytes"])
        backup.taken_at = datetime.fromisoformat(str(receipt["taken_at"]))
        backup.verified_at = datetime.fromisoformat(str(receipt["verified_at"]))
        backup.error = None
        if backup.status is not BackupStatus.VERIFIED:
            backup.apply(BackupEvent.VERIFY, uow.now())
        sites.note_backup(uow, backup.site_id, taken_at=backup.taken_at, verified_at=backup.verified_at)
        # That one which comes all the time went well stands in its row and on its site.
        if backup.kind != rules.SCHEDULED:
            message = f"Backup of {backup.size_bytes} bytes was stored, read back and is right."
            uow.record("backup.verified", subject, message, team_id=backup.team_id, backup_id=backup.id)
    elif backup.status is BackupStatus.TAKING:
        backup.error = (event.error or "The stored copy was not read back.")[:1000]
        backup.apply(BackupEvent.FAIL, uow.now())
        _hurry(uow, backup)
        uow.record(
            "backup.failed",
            subject,
            f"Backup failed: {backup.error}",
            team_id=backup.team_id,
            backup_id=backup.id,
        )
    sites.wake_copies(uow, backup.id)


def on_overdue(uow: UnitOfWork, backup_id: str) -> None:
    """Its time is over."""
    backup = reads.get_backup(uow.session, backup_id)
    if backup.deadline_at is None or backup.deadline_at >= uow.now():
        return
    if backup.status is BackupStatus.DELETING:
        backup.apply(BackupEvent.KEEP, uow.now())
        return
    backup.error = "It was not stored and read back in time. The site was not touched by this."
    backup.apply(BackupEvent.FAIL, uow.now())
    _hurry(uow, backup)
    sites.wake_copies(uow, backup.id)


def _hurry(uow: UnitOfWork, backup: Backup) -> None:
    if backup.kind == rules.SCHEDULED:
        sites.hurry_backup(uow, backup.site_id, uow.now() + rules.RETRY_AFTER)
