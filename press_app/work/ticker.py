"""The ticker: makes scheduled tasks due, rings again for what nobody heard, frees what a dead worker held."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from croniter import croniter
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from press_app.errors import PressError
from press_app.work.bell import Bell
from press_app.work.model import ScheduleRow, TaskRow, TaskStatus
from press_app.work.task import Task
from press_app.work.unit_of_work import UnitOfWork, Work

log = structlog.get_logger(__name__)

RING_AGAIN_AFTER = timedelta(seconds=2)
KEEP_DONE = timedelta(days=2)
SWEEP_LIMIT = 500


class Ticker:
    """One pass is :meth:`tick`; two tickers at once do no harm."""

    def __init__(self, work: Work, tasks: Mapping[str, Task], bell: Bell) -> None:
        self._work = work
        self._bell = bell
        self._scheduled = [task for task in tasks.values() if task.schedule is not None]

    def run(self, should_stop: Callable[[], bool], *, every_seconds: float = 0.5) -> None:
        """Tick until told to stop; a database that is away is waited for."""
        while not should_stop():
            try:
                self.tick()
            except (SQLAlchemyError, PressError) as error:
                log.warning("ticker.database_away", error=str(error))
            time.sleep(every_seconds)

    def tick(self) -> None:
        """Schedule, free, ring."""
        self._schedule()
        self._free_abandoned()
        self._ring_due()

    def _schedule(self) -> None:
        if not self._is_anything_due():
            return
        with self._work.begin(actor="ticker") as uow:
            now = uow.now()
            for task in self._scheduled:
                row = uow.session.get(ScheduleRow, task.name)
                if row is None:
                    uow.session.add(ScheduleRow(name=task.name, last_tick=now, paused=False))
                elif not row.paused and next_tick(task, row.last_tick) <= now:
                    # Ticks that were missed are made up for by one run, not by all of them. The conditional
                    # update lets only one of two tickers through.
                    moved = uow.session.execute(
                        update(ScheduleRow)
                        .where(ScheduleRow.name == task.name, ScheduleRow.last_tick == row.last_tick)
                        .values(last_tick=now)
                        .execution_options(synchronize_session=False)
                    )
                    if getattr(moved, "rowcount", 0) == 1:
                        uow.enqueue(task.name, unique_key=f"schedule:{task.name}")

    def _is_anything_due(self) -> bool:
        """Look before writing: an idle ticker must not take the write lock."""
        with self._work.read() as session:
            rows = {row.name: row for row in session.scalars(select(ScheduleRow))}
        now = self._work.clock.now()
        return any(
            task.name not in rows
            or (not rows[task.name].paused and next_tick(task, rows[task.name].last_tick) <= now)
            for task in self._scheduled
        )

    def _free_abandoned(self) -> None:
        now = self._work.clock.now()
        abandoned = (TaskRow.status == TaskStatus.RUNNING, TaskRow.lease_until < now)
        with self._work.read() as session:
            if session.scalar(select(TaskRow.id).where(*abandoned).limit(1)) is None:
                return
        with self._work.begin(actor="ticker") as uow:
            uow.session.execute(
                update(TaskRow)
                .where(*abandoned)
                .values(status=TaskStatus.WAITING, run_at=now, rung_at=None, error="Its worker went away.")
            )

    def _ring_due(self) -> None:
        now = self._work.clock.now()
        unheard = (
            TaskRow.status == TaskStatus.WAITING,
            TaskRow.run_at <= now,
            or_(TaskRow.rung_at.is_(None), TaskRow.rung_at < now - RING_AGAIN_AFTER),
        )
        with self._work.read() as session:
            due = session.execute(
                select(TaskRow.id, TaskRow.queue).where(*unheard).order_by(TaskRow.run_at).limit(SWEEP_LIMIT)
            ).all()
        if not due:
            return
        with self._work.begin(actor="ticker") as uow:
            ids = [task_id for task_id, _ in due]
            uow.session.execute(update(TaskRow).where(TaskRow.id.in_(ids)).values(rung_at=now))
        for task_id, queue in due:
            self._bell.ring(task_id, queue)


def forget_done(uow: UnitOfWork) -> int:
    """Remove done tasks older than two days. Returns how many."""
    gone = uow.session.execute(
        delete(TaskRow).where(TaskRow.status == TaskStatus.DONE, TaskRow.ended_at < uow.now() - KEEP_DONE)
    )
    return int(getattr(gone, "rowcount", 0))


def next_tick(task: Task, last: datetime) -> datetime:
    """When the task is due after ``last`` (UTC)."""
    if task.schedule is None:
        message = f"{task.name} has no schedule"
        raise ValueError(message)
    due: datetime = croniter(task.schedule, last.astimezone(UTC)).get_next(datetime)
    return due
