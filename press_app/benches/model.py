"""Rows of benches."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.benches.lifecycle import LIFECYCLE, BenchEvent, BenchStatus
from press_app.kit.db import ID, Base, Choice, Moment
from press_app.kit.lifecycle import LifecycleRow


class Bench(LifecycleRow[BenchStatus, BenchEvent], Base):
    """One running deployment of a release on a server."""

    __tablename__ = "bench"
    lifecycle = LIFECYCLE

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    server_id: Mapped[str] = mapped_column(ForeignKey("server.id"), index=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("release.id"))
    status: Mapped[BenchStatus] = mapped_column(Choice(BenchStatus), index=True)
    target_status: Mapped[BenchStatus | None] = mapped_column(Choice(BenchStatus))
    status_since: Mapped[datetime] = mapped_column(Moment)
    deadline_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer)
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    max_sites: Mapped[int] = mapped_column(Integer)
    site_count: Mapped[int] = mapped_column(Integer, default=0)
    """Sites that have their place here; kept by the service so that placement costs the same at any number."""
    url: Mapped[str | None] = mapped_column(String(255))
    """Where the edge reaches it."""
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the last deployment said: engine version, templates."""
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __mapper_args__ = {"version_id_col": version}

    @property
    def target(self) -> str:
        return f"bench:{self.id}"
