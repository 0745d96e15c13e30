"""Shapes of backups on the wire."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.config import Settings


class BackupView(BaseModel):
    """A saved copy of a site."""

    id: str
    site_id: str
    engine: str
    kind: str
    apps: list[str] | None
    status: BackupStatus
    key_id: str | None
    size_bytes: int | None
    taken_at: datetime | None
    verified_at: datetime | None
    receipt: dict[str, Any] | None
    error: str | None
    locked_until: datetime | None
    """The store keeps it until then, whatever happens."""
    deleted_at: datetime | None
    deleted_why: str | None
    created_at: datetime

    @classmethod
    def of(cls, backup: Backup) -> Self:
        return cls.model_validate(backup, from_attributes=True)


class BackupPage(BaseModel):
    """One page of backups, newest first."""

    items: list[BackupView]
    next_cursor: str | None


class CopyRequest(BaseModel):
    """A new site of the same team with the data of this one: as they are now, or as a verified backup has them."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=63, examples=["martin-staging"])
    backup_id: str | None = Field(default=None, max_length=36)


class CopyView(BaseModel):
    """The site that is made, and the backup that it is made from; it is silent: no mail, no recurring job."""

    site_id: str
    hostname: str
    backup_id: str


class RestoreRequest(BaseModel):
    """Which backup to put into the site; what was written since then is lost."""

    backup_id: str = Field(max_length=36)


class RestoreView(BaseModel):
    """The job that restores."""

    job_id: str


class BackupPolicy(BaseModel):
    """How sites are backed up by themselves."""

    interval_minutes: int
    """0: not at all."""
    jobs_per_server: int
    keep_hourly: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    keep_manual_days: int
    keep_change_days: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(**{name: getattr(settings, f"backup_{name}") for name in cls.model_fields})
