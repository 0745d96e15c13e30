"""Rows of jobs and of the secrets that jobs name."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from press_app.jobs.lifecycle import LIFECYCLE, JobEvent, JobStatus
from press_app.kit.db import ID, Base, Choice, Moment
from press_app.kit.lifecycle import LifecycleRow


class Job(LifecycleRow[JobStatus, JobEvent], Base):
    """One order to one agent."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_target_id", "target", "id"),
        Index("ix_job_status_server_id", "status", "server_id"),
        Index("ix_job_team_id_id", "team_id", "id"),
        Index("ix_job_settled_at_ended_at", "settled_at", "ended_at"),
    )
    lifecycle = LIFECYCLE

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    server_id: Mapped[str] = mapped_column(ForeignKey("server.id"))
    team_id: Mapped[str | None] = mapped_column(ID)
    operation: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64))
    """``site:<id>`` or ``bench:<id>``."""
    purpose: Mapped[str] = mapped_column(String(190))
    is_routine: Mapped[bool] = mapped_column(default=False)
    """It comes all the time: its steps are not in the journal, and it is soon forgotten."""
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[JobStatus] = mapped_column(Choice(JobStatus))
    target_status: Mapped[JobStatus | None] = mapped_column(Choice(JobStatus))
    status_since: Mapped[datetime] = mapped_column(Moment)
    deadline_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the present status must be over; see :attr:`due_at` for the job's own end."""
    due_at: Mapped[datetime] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer)
    agent_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """The newest event of the agent that is in this row."""
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    correlation_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the slice that asked for it took the result."""

    __mapper_args__ = {"version_id_col": version}

    @property
    def is_open(self) -> bool:
        return LIFECYCLE.is_working(self.status)


class Secret(Base):
    """A sealed value that jobs name and agents fetch; never in a job row."""

    __tablename__ = "secret"

    ref: Mapped[str] = mapped_column(String(190), primary_key=True)
    """``secret://site/<id>/admin-password``."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
