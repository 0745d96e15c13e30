"""Rows of broken promises."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Moment


class Finding(Base):
    """A promise that does not hold for a subject, from when it was first seen until it held again."""

    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_resolved_at", "resolved_at"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    invariant: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(120))
    message: Mapped[str] = mapped_column(Text)
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
