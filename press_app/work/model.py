"""Rows of the work machinery: tasks, leases, schedules and the journal."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from press_app.kit.db import ID, Base, Choice, Moment


class TaskStatus(StrEnum):
    """Where a task is."""

    WAITING = "waiting"
    """Due at ``run_at``; the doorbell may or may not have rung."""
    RUNNING = "running"
    """Claimed by a worker until ``lease_until``, which a living worker moves on."""
    DONE = "done"
    DEAD = "dead"
    """All attempts failed; an operator may ring it again."""


class TaskRow(Base):
    """One promised call. It is a row before it is a queue entry."""

    __tablename__ = "task"
    __table_args__ = (Index("ix_task_status_run_at", "status", "run_at"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    queue: Mapped[str] = mapped_column(String(16))
    status: Mapped[TaskStatus] = mapped_column(Choice(TaskStatus))
    unique_key: Mapped[str | None] = mapped_column(String(190), unique=True)
    """At most one task waits under a key; free while the task runs, so that a new wish leads to another run."""
    merge_key: Mapped[str | None] = mapped_column(String(190))
    """The key that it waits under, again after each failed attempt."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    run_at: Mapped[datetime] = mapped_column(Moment)
    planned_at: Mapped[datetime] = mapped_column(Moment)
    """When ``run_at`` was set. In the future: the clock was ahead then and is right again."""
    rung_at: Mapped[datetime | None] = mapped_column(Moment)
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    worker: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class LeaseRow(Base):
    """Exclusive work on one thing, with a purpose that a person can read."""

    __tablename__ = "lease"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    """``site:<id>`` or ``bench:<id>``."""
    holder: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(190))
    taken_at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment)


class ScheduleRow(Base):
    """When a recurring task was last due; the plan itself stands in code."""

    __tablename__ = "schedule"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_tick: Mapped[datetime] = mapped_column(Moment)
    paused: Mapped[bool] = mapped_column(default=False)


class JournalRow(Base):
    """What happened, in order: the timeline of a site and the stream of events."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_subject_id", "subject", "id"),
        Index("ix_journal_team_id_id", "team_id", "id"),
        Index("ix_journal_kind_at", "kind", "at"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(64))
    """``site.active``, ``job.step``, ``hold.placed``."""
    subject: Mapped[str] = mapped_column(String(64))
    team_id: Mapped[str | None] = mapped_column(ID)
    actor: Mapped[str] = mapped_column(String(120))
    """Who did it: ``user:<id>``, ``token:<id>``, ``agent:<server>``, ``system``."""
    message: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    correlation_id: Mapped[str] = mapped_column(String(64))
