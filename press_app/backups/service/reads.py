"""Reading backups."""

from datetime import datetime

from sqlalchemy import select

from press_app.backups.errors import BackupUnknown
from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.kit.db import ReadSession, Session
from press_app.kit.pagination import Page, PageRequest, read_page


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


def unknown(backup_id: str) -> BackupUnknown:
    """The error for an id that is no backup of this site."""
    message = f"There is no backup {backup_id} of this site."
    return BackupUnknown(message, backup_id=backup_id)
