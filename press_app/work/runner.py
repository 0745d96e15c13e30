"""Runs one task row: claim, call, and write down how it ended."""

import os
import random
import socket
from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy import Update, select, update
from sqlalchemy.exc import SQLAlchemyError

from press_app.errors import PressError
from press_app.kit.ids import new_id
from press_app.work.keeper import LEASE, Keeper
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.task import Task
from press_app.work.unit_of_work import TaskPolicy, UnitOfWork, Work

log = structlog.get_logger(__name__)


class Runner:
    """Knows the tasks of this process and hands them what they need."""

    def __init__(self, work: Work, tasks: Mapping[str, Task], dependencies: Mapping[str, object]) -> None:
        self.work = work
        self.tasks = tasks
        self._dependencies = {"work": work, **dependencies}
        self._keeper = Keeper(work)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def run(self, task_id: str) -> bool:
        """Claim the row and call its task. False when somebody else has it or it is not due."""
        row = self._claim(task_id)
        if row is None:
            return False
        task = self.tasks[row.name]
        with structlog.contextvars.bound_contextvars(
            correlation_id=row.correlation_id, task=row.name, task_id=row.id
        ):
            try:
                with self._keeper.keeping(row, longest_seconds=task.lease_seconds):
                    task.call({**self._dependencies, "correlation_id": row.correlation_id}, row.args)
            except Exception as error:  # noqa: BLE001 - whatever a task raises, its row must say so
                self._fail(row, task, error)
            else:
                self._finish(row)
        return True

    def sweep(self, task: Task) -> bool:
        """Call a task that has no row; when it fails that is logged, and it comes again. Whether it went well."""
        correlation_id = new_id()
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id, task=task.name):
            try:
                task.call({**self._dependencies, "correlation_id": correlation_id}, {})
            except (PressError, SQLAlchemyError) as error:
                log.warning("sweep.failed", error=str(error))
            except Exception:
                log.exception("sweep.failed")
            else:
                return True
        return False

    def _claim(self, task_id: str) -> TaskRow | None:
        with self.work.begin(actor="worker") as uow:
            row = uow.session.get(TaskRow, task_id)
            if row is None or row.name not in self.tasks:
                return None
            now = uow.now()
            claimed = uow.session.execute(
                update(TaskRow)
                .where(TaskRow.id == task_id, TaskRow.status == TaskStatus.WAITING, TaskRow.run_at <= now)
                .values(
                    status=TaskStatus.RUNNING,
                    attempts=TaskRow.attempts + 1,
                    lease_until=now + LEASE,
                    worker=self._worker,
                    # Freed at the start: a wish that comes while it runs must lead to another run.
                    unique_key=None,
                )
                .execution_options(synchronize_session=False)
            )
            if getattr(claimed, "rowcount", 0) != 1:
                return None
            uow.session.refresh(row)
            uow.session.expunge(row)
            return row

    def _finish(self, row: TaskRow) -> None:
        with self.work.begin(actor="worker") as uow:
            self._end(uow, row, status=TaskStatus.DONE, error=None)

    def _fail(self, row: TaskRow, task: Task, error: Exception) -> None:
        text = error.message if isinstance(error, PressError) else f"{type(error).__name__}: {error}"
        with self.work.begin(actor="worker") as uow:
            if row.attempts >= task.max_attempts:
                log.error("task.dead", attempts=row.attempts, error=text, exc_info=error)
                self._end(uow, row, status=TaskStatus.DEAD, error=text)
                return
            is_expected = isinstance(error, PressError)
            log.warning("task.retry", attempts=row.attempts, error=text, exc_info=not is_expected)
            if row.merge_key is not None and _is_promised_again(uow, row.merge_key):
                # A newer promise of the same waits already; two rows for one wish would only grow.
                self._end(uow, row, status=TaskStatus.DONE, error=text)
            else:
                self._wait(uow, row, task, text)

    def _end(self, uow: UnitOfWork, row: TaskRow, *, status: TaskStatus, error: str | None) -> None:
        uow.session.execute(
            _mine(row).values(status=status, error=error, lease_until=None, rung_at=None, ended_at=uow.now())
        )

    def _wait(self, uow: UnitOfWork, row: TaskRow, task: Task, error: str) -> None:
        now = uow.now()
        uow.session.execute(
            _mine(row).values(
                status=TaskStatus.WAITING,
                unique_key=row.merge_key,
                error=error,
                lease_until=None,
                rung_at=None,
                run_at=now + backoff(row.attempts, task.max_wait_seconds),
                planned_at=now,
            )
        )


def _mine(row: TaskRow) -> Update:
    """The row, as long as nobody took it over."""
    running = (TaskRow.status == TaskStatus.RUNNING, TaskRow.attempts == row.attempts)
    return update(TaskRow).where(TaskRow.id == row.id, *running)


def _is_promised_again(uow: UnitOfWork, key: str) -> bool:
    query = select(TaskRow.id).where(TaskRow.unique_key == key).with_for_update()
    return uow.session.scalar(query) is not None


def backoff(attempts: int, max_wait_seconds: float) -> timedelta:
    """Wait before the next attempt: doubling from half a second, with jitter, up to the task's longest wait."""
    seconds: float = min(max_wait_seconds, 0.5 * 2.0 ** min(attempts - 1, 32))
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing


def policies(tasks: Mapping[str, Task]) -> dict[str, TaskPolicy]:
    """What senders need to know of the tasks."""
    return {name: TaskPolicy(queue=task.queue) for name, task in tasks.items()}
