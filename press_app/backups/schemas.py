"""Shapes of backups on the wire."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup


class BackupView(BaseModel):
    """A saved copy of a site."""

    id: str
    site_id: str
    engine: str
    kind: str
    status: BackupStatus
    size_bytes: int | None
    taken_at: datetime | None
    verified_at: datetime | None
    receipt: dict[str, Any] | None
    error: str | None
    created_at: datetime

    @classmethod
    def of(cls, backup: Backup) -> Self:
        return cls.model_validate(backup, from_attributes=True)


class BackupPage(BaseModel):
    """One page of backups, newest first."""

    items: list[BackupView]
    next_cursor: str | None


class RestoreRequest(BaseModel):
    """Which backup to put into the site; what was written since then is lost."""

    backup_id: str = Field(max_length=36)


class RestoreView(BaseModel):
    """The job that restores."""

    job_id: str
