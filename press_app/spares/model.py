"""Rows of spares."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Choice, Moment
from press_app.kit.lifecycle import LifecycleRow
from press_app.kit.locale import Locale
from press_app.spares.lifecycle import LIFECYCLE, SpareEvent, SpareStatus


class Spare(LifecycleRow[SpareStatus, SpareEvent], Base):
    """A site of nobody on a bench; whoever takes it takes its id, too."""

    __tablename__ = "spare"
    __table_args__ = (Index("ix_spare_status_apps_locale", "status", "apps", "locale"),)
    lifecycle = LIFECYCLE

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    bench_id: Mapped[str] = mapped_column(ForeignKey("bench.id"), index=True)
    apps: Mapped[str] = mapped_column(String(190))
    """Names in their order, joined by ``+``."""
    locale: Mapped[str] = mapped_column(String(128), default=Locale().key)
    """The home of the company that it is made for, in one word."""
    status: Mapped[SpareStatus] = mapped_column(Choice(SpareStatus))
    target_status: Mapped[SpareStatus | None] = mapped_column(Choice(SpareStatus))
    status_since: Mapped[datetime] = mapped_column(Moment)
    deadline_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}

    @property
    def target(self) -> str:
        return f"site:{self.id}"


class Miss(Base):
    """A site that was made without a spare: what is asked for within the hour is kept ready, the platform's home or not."""

    __tablename__ = "spare_miss"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    apps: Mapped[str] = mapped_column(String(190))
    locale: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(Moment, index=True)
