"""Shapes of keys on the wire."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from press_app.keys.model import BackupKey


class BackupKeyView(BaseModel):
    """One version of a team's key, without what it is made of."""

    id: str
    version: int
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, key: BackupKey) -> Self:
        return cls.model_validate(key, from_attributes=True)


class BackupKeyPage(BaseModel):
    """One page of keys, the newest first."""

    items: list[BackupKeyView]
    next_cursor: str | None
