"""Rows of backups."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.backups.lifecycle import LIFECYCLE, BackupEvent, BackupStatus
from press_app.kit.db import ID, Base, Choice, Moment
from press_app.kit.lifecycle import LifecycleRow


class Backup(LifecycleRow[BackupStatus, BackupEvent], Base):
    """One saved copy of a site's data."""

    __tablename__ = "backup"
    __table_args__ = (
        Index("ix_backup_site_id_id", "site_id", "id"),
        Index("ix_backup_site_id_status_taken_at", "site_id", "status", "taken_at"),
    )
    lifecycle = LIFECYCLE

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    team_id: Mapped[str] = mapped_column(ID, index=True)
    server_id: Mapped[str | None] = mapped_column(ID)
    """Whose store holds it; not known of backups of an earlier version."""
    engine: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    """``scheduled``, ``manual``, ``archive``, ``before-change``, ``for-copy``."""
    apps: Mapped[list[str] | None] = mapped_column(JSON)
    """What the site had then; not known of backups of an earlier version."""
    status: Mapped[BackupStatus] = mapped_column(Choice(BackupStatus))
    target_status: Mapped[BackupStatus | None] = mapped_column(Choice(BackupStatus))
    status_since: Mapped[datetime] = mapped_column(Moment)
    deadline_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    version: Mapped[int] = mapped_column(Integer)
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the agent wrote and read back: location, size, checksum, times."""
    key_id: Mapped[str | None] = mapped_column(ID, index=True)
    """Which version of its team's key opens it; None of one that is not encrypted."""
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    taken_at: Mapped[datetime | None] = mapped_column(Moment)
    verified_at: Mapped[datetime | None] = mapped_column(Moment)
    error: Mapped[str | None] = mapped_column(String(1000))
    locked_until: Mapped[datetime | None] = mapped_column(Moment)
    """The store said so when it was asked to delete it; it is asked again after that."""
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)
    deleted_why: Mapped[str | None] = mapped_column(String(190))
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}
