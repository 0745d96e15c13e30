"""The ticker: sweeps, makes scheduled tasks due, rings again for what nobody heard, frees what a dead worker held."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from croniter import croniter
from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from press_app.errors import PressError
from press_app.kit.db import Changes, ReadSession
from press_app.work.bell import QUEUES, Bell
from press_app.work.keeper import LEASE
from press_app.work.model import ScheduleRow, TaskRow, TaskStatus
from press_app.work.runner import Runner
from press_app.work.task import Task
from press_app.work.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

RING_AGAIN_AFTER = timedelta(seconds=2)
KEEP_DONE = timedelta(hours=6)
"""Each site has two an hour: with 10,000 sites two days of them were a million rows that nobody reads."""
KEEP_DEAD = timedelta(days=2)
SCHEDULED = "schedule:"
SWEEP_LIMIT = 500
EVERY_SECONDS = 1.0
STOP_SECONDS = 5.0
CLOCK = "ticker"
"""The row in which tickers say that they live."""
BEAT_EVERY = timedelta(seconds=30)
SILENT_AFTER = timedelta(minutes=2)
CLOCK_SKEW = timedelta(seconds=5)
LONGEST_LEASE = 2 * LEASE
"""A lease beyond it was taken by a clock that was ahead."""
LONGEST_QUIET = timedelta(seconds=10)
"""A schedule that another process added or woke is seen after this."""


class Ticker:
    """One pass is :meth:`tick`; two tickers at once do no harm."""

    def __init__(self, runner: Runner, bell: Bell) -> None:
        self._runner = runner
        self._work = runner.work
        self._bell = bell
        self._tasks = runner.tasks
        scheduled = [task for task in self._tasks.values() if task.schedule is not None]
        self._scheduled = [task for task in scheduled if not task.is_sweep]
        self._sweeps = [task for task in scheduled if task.is_sweep]
        self._swept: dict[str, tuple[datetime, datetime]] = {}
        """When each sweep was done, and when it is due again."""
        self._looked_at = self._quiet_until = self._beat_at = datetime.min.replace(tzinfo=UTC)
        self._changes = Changes(runner.work.database)
        self._astray_looked_at = self._astray_from = self._looked_at
        self._is_well = True
        """No sweep failed since the last beat."""

    @contextmanager
    def ticking(self, *, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
        """Tick in a thread of its own while the block runs."""
        stopping = threading.Event()
        thread = threading.Thread(target=self.run, args=(stopping, every_seconds), name="ticker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(STOP_SECONDS)

    def run(self, stopping: threading.Event, every_seconds: float) -> None:
        """Tick until told to stop; a database that is away is waited for."""
        while not stopping.is_set():
            try:
                self.tick()
            except (SQLAlchemyError, PressError) as error:
                log.warning("ticker.database_away", error=str(error))
            except Exception:
                # Nobody would start the thread again.
                log.exception("ticker.failed")
            stopping.wait(every_seconds)

    def tick(self) -> None:
        """Sweep, schedule, free, ring. An idle tick costs one small reading."""
        self._sweep()
        self._schedule()
        if self._is_anything_astray():
            self._forgive_clock()
            self._free_abandoned()
            self._ring_due()
        self._beat()

    def _beat(self) -> None:
        """Write down now and then that all of that went well; who asks whether the platform is ready reads it."""
        now = self._work.clock.now()
        if self._beat_at <= now < self._beat_at + BEAT_EVERY:
            return
        self._beat_at = now
        if self._is_well:
            with self._work.begin(actor="ticker") as uow:
                row = uow.session.get(ScheduleRow, CLOCK)
                if row is None:
                    _add_schedule(uow, CLOCK, now)
                else:
                    row.last_tick = now
        self._is_well = True

    def _sweep(self) -> None:
        for task in self._sweeps:
            now = self._work.clock.now()
            last, due = self._swept.get(task.name, (now, now))
            if due <= now or last > now + CLOCK_SKEW:
                self._swept[task.name] = (now, next_tick(task, now))
                self._is_well = self._runner.sweep(task) and self._is_well

    def _schedule(self) -> None:
        if not self._is_anything_due():
            return
        with self._work.begin(actor="ticker") as uow:
            now = uow.now()
            for task in self._scheduled:
                row = uow.session.get(ScheduleRow, task.name)
                if row is None:
                    _add_schedule(uow, task.name, now)
                elif is_due(task, row, now):
                    # Ticks that were missed are made up for by one run, not by all of them. The conditional
                    # update lets only one of two tickers through.
                    moved = uow.session.execute(
                        update(ScheduleRow)
                        .where(ScheduleRow.name == task.name, ScheduleRow.last_tick == row.last_tick)
                        .values(last_tick=now)
                        .execution_options(synchronize_session=False)
                    )
                    if getattr(moved, "rowcount", 0) == 1:
                        uow.enqueue(task.name, unique_key=f"{SCHEDULED}{task.name}")

    def _is_anything_due(self) -> bool:
        """Look before writing: an idle ticker must not take the write lock, nor read what it knows."""
        now = self._work.clock.now()
        if self._looked_at <= now < self._quiet_until:
            return False
        with self._work.read() as session:
            rows = {row.name: row for row in session.scalars(select(ScheduleRow))}
        if any(task.name not in rows or is_due(task, rows[task.name], now) for task in self._scheduled):
            return True
        following = (next_tick(task, rows[task.name].last_tick) for task in self._scheduled)
        self._looked_at = now
        self._quiet_until = min((now + LONGEST_QUIET, *(due for due in following if due > now)))
        return False

    def _is_anything_astray(self) -> bool:
        """Whether a task was planned by a wrong clock, lost its worker, or is due and was not heard."""
        # Without a write since the last look only time can have changed that, and when it will is known.
        now = self._work.clock.now()
        if not self._changes.look() and self._astray_looked_at <= now < self._astray_from:
            return False
        self._astray_looked_at = self._astray_from = now
        with self._work.read() as session:
            if session.scalar(ASTRAY, _moments(now)) is not None:
                return True
            coming = (session.scalar(query) for query in NEXT_MOMENTS if self._changes.are_told)
            self._astray_from = min((now + LONGEST_QUIET, *(moment for moment in coming if moment)))
        return False

    def _forgive_clock(self) -> None:
        """What was planned by a clock that was ahead is due now that the clock is right again."""
        with self._work.begin(actor="ticker") as uow:
            now = uow.now()
            uow.session.execute(
                update(TaskRow)
                .where(TaskRow.status == TaskStatus.WAITING, WAS_AHEAD)
                .values(run_at=now, planned_at=now, rung_at=None),
                _moments(now),
            )

    def _free_abandoned(self) -> None:
        with self._work.begin(actor="ticker") as uow:
            now = uow.now()
            abandoned = (TaskRow.status == TaskStatus.RUNNING, IS_LEFT)
            free = {"lease_until": None, "error": "Its worker went away."}
            for name, task in self._tasks.items():
                # A task that takes its worker down each time must not do so for ever.
                uow.session.execute(
                    update(TaskRow)
                    .where(*abandoned, TaskRow.name == name, TaskRow.attempts >= task.max_attempts)
                    .values(**free, status=TaskStatus.DEAD, ended_at=now),
                    _moments(now),
                )
            uow.session.execute(
                update(TaskRow)
                .where(*abandoned)
                .values(**free, status=TaskStatus.WAITING, run_at=now, planned_at=now, rung_at=None),
                _moments(now),
            )

    def _ring_due(self) -> None:
        for queue in QUEUES:
            # What Redis still holds will be heard; ringing on top of a backlog would only make it grow.
            room = SWEEP_LIMIT - self._bell.count_waiting(queue)
            if room > 0:
                self._ring_queue(queue, room)

    def _ring_queue(self, queue: str, limit: int) -> None:
        now = self._work.clock.now()
        unheard = (TaskRow.queue == queue, TaskRow.status == TaskStatus.WAITING, IS_UNHEARD)
        query = select(TaskRow.id).where(*unheard).order_by(TaskRow.run_at).limit(limit)
        with self._work.read() as session:
            ids = session.scalars(query, _moments(now)).all()
        if not ids:
            return
        with self._work.begin(actor="ticker") as uow:
            uow.session.execute(update(TaskRow).where(TaskRow.id.in_(ids)).values(rung_at=now))
        for task_id in ids:
            self._bell.ring(task_id, queue)


def _moments(now: datetime) -> dict[str, datetime]:
    """What the conditions below are executed with."""
    return {
        "now": now,
        "soon": now + CLOCK_SKEW,
        "longest": now + LONGEST_LEASE,
        "unheard": now - RING_AGAIN_AFTER,
    }


WAS_AHEAD = TaskRow.planned_at > bindparam("soon")
IS_LEFT = or_(TaskRow.lease_until < bindparam("now"), TaskRow.lease_until > bindparam("longest"))
IS_UNHEARD = and_(
    TaskRow.run_at <= bindparam("now"),
    or_(TaskRow.rung_at.is_(None), TaskRow.rung_at < bindparam("unheard")),
)
ASTRAY = (
    select(TaskRow.id)
    .where(
        or_(
            and_(TaskRow.status == TaskStatus.WAITING, or_(WAS_AHEAD, IS_UNHEARD)),
            and_(TaskRow.status == TaskStatus.RUNNING, IS_LEFT),
        )
    )
    .limit(1)
)
"""Made once: it is asked all the time, and putting it together cost more than the answer."""
NEXT_MOMENTS = (
    select(func.min(TaskRow.run_at)).where(TaskRow.status == TaskStatus.WAITING),
    select(func.min(TaskRow.lease_until)).where(TaskRow.status == TaskStatus.RUNNING),
)
"""When a task that is not astray may be; one that is due and was rung for already may be at once."""


def _add_schedule(uow: UnitOfWork, name: str, now: datetime) -> None:
    try:
        with uow.session.begin_nested():
            uow.session.add(ScheduleRow(name=name, last_tick=now, paused=False))
    except IntegrityError:
        log.info("ticker.second", schedule=name)  # another ticker was faster


def measure_silence(session: ReadSession, now: datetime) -> timedelta | None:
    """How long ago a ticker last said that all went well; None when none ever did."""
    row = session.get(ScheduleRow, CLOCK)
    return None if row is None else now - row.last_tick


def is_due(task: Task, row: ScheduleRow, now: datetime) -> bool:
    """Whether the schedule asks for a run; a last run in the future was noted by a clock that was ahead."""
    if row.paused:
        return False
    return row.last_tick > now + CLOCK_SKEW or next_tick(task, row.last_tick) <= now


def forget_done(uow: UnitOfWork) -> int:
    """Remove tasks that ended long ago; dead ones stay for a person, unless a schedule brought others since.

    Returns how many.
    """
    was_scheduled = TaskRow.merge_key.like(f"{SCHEDULED}%")
    kinds = (
        (TaskRow.status == TaskStatus.DONE, KEEP_DONE),
        (and_(TaskRow.status == TaskStatus.DEAD, was_scheduled), KEEP_DEAD),
    )
    count = 0
    for is_over, kept in kinds:
        # What ended long ago was due before that, and when it was due stands in the index.
        is_old = and_(TaskRow.run_at < uow.now() - kept, TaskRow.ended_at < uow.now() - kept)
        gone = delete(TaskRow).where(is_over, is_old).execution_options(synchronize_session=False)
        count += int(getattr(uow.session.execute(gone), "rowcount", 0))
    return count


def next_tick(task: Task, last: datetime) -> datetime:
    """When the task is due after ``last`` (UTC)."""
    if task.schedule is None:
        message = f"{task.name} has no schedule"
        raise ValueError(message)
    due: datetime = croniter(task.schedule, last.astimezone(UTC)).get_next(datetime)
    return due
