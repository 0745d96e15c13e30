"""Runs one task row: claim, call, and write down how it ended."""

import os
import random
import socket
from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy import update

from press_app.errors import PressError
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.task import Task
from press_app.work.unit_of_work import TaskPolicy, Work

log = structlog.get_logger(__name__)


class Runner:
    """Knows the tasks of this process and hands them what they need."""

    def __init__(self, work: Work, tasks: Mapping[str, Task], dependencies: Mapping[str, object]) -> None:
        self.work = work
        self.tasks = tasks
        self._dependencies = {"work": work, **dependencies}
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
                task.call({**self._dependencies, "correlation_id": row.correlation_id}, row.args)
            except Exception as error:  # noqa: BLE001 - whatever a task raises, its row must say so
                self._fail(row, task, error)
            else:
                self._finish(row)
        return True

    def _claim(self, task_id: str) -> TaskRow | None:
        with self.work.begin(actor="worker") as uow:
            row = uow.session.get(TaskRow, task_id)
            if row is None or row.name not in self.tasks:
                return None
            now = uow.now()
            lease = timedelta(seconds=self.tasks[row.name].lease_seconds)
            claimed = uow.session.execute(
                update(TaskRow)
                .where(TaskRow.id == task_id, TaskRow.status == TaskStatus.WAITING, TaskRow.run_at <= now)
                .values(
                    status=TaskStatus.RUNNING,
                    attempts=TaskRow.attempts + 1,
                    lease_until=now + lease,
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
        self._end(row, status=TaskStatus.DONE, error=None, ended=True)

    def _fail(self, row: TaskRow, task: Task, error: Exception) -> None:
        text = error.message if isinstance(error, PressError) else f"{type(error).__name__}: {error}"
        if row.attempts >= task.max_attempts:
            log.error("task.dead", attempts=row.attempts, error=text, exc_info=error)
            self._end(row, status=TaskStatus.DEAD, error=text, ended=True)
            return
        log.warning(
            "task.retry", attempts=row.attempts, error=text, exc_info=not isinstance(error, PressError)
        )
        self._end(row, status=TaskStatus.WAITING, error=text, ended=False)

    def _end(self, row: TaskRow, *, status: TaskStatus, error: str | None, ended: bool) -> None:
        with self.work.begin(actor="worker") as uow:
            now = uow.now()
            uow.session.execute(
                update(TaskRow)
                .where(
                    TaskRow.id == row.id,
                    TaskRow.status == TaskStatus.RUNNING,
                    TaskRow.attempts == row.attempts,
                )
                .values(
                    status=status,
                    error=error,
                    lease_until=None,
                    rung_at=None,
                    run_at=row.run_at
                    if ended
                    else now + backoff(row.attempts, self.tasks[row.name].max_wait_seconds),
                    ended_at=now if ended else None,
                )
            )


def backoff(attempts: int, max_wait_seconds: float) -> timedelta:
    """Wait before the next attempt: doubling from half a second, with jitter, up to the task's longest wait."""
    seconds: float = min(max_wait_seconds, 0.5 * 2.0 ** min(attempts - 1, 32))
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing


def policies(tasks: Mapping[str, Task]) -> dict[str, TaskPolicy]:
    """What senders need to know of the tasks."""
    return {name: TaskPolicy(queue=task.queue) for name, task in tasks.items()}
