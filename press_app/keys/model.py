"""Rows of keys; what they are made of is a secret, sealed with the master key."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Moment


class BackupKey(Base):
    """One version of a team's key. The newest encrypts; all of them decrypt what they once encrypted."""

    __tablename__ = "backup_key"
    __table_args__ = (UniqueConstraint("team_id", "version"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    """Stands in every backup, in clear: it says nothing about whose it is."""
    team_id: Mapped[str] = mapped_column(ForeignKey("team.id"))
    version: Mapped[int] = mapped_column(Integer)
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(Moment)
