"""Runs a job's steps in order under the target's lock, resumes after a kill, takes back after a failure."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import structlog

from agent.commands.redact import Secret
from agent.host import files
from agent.host.clock import read_time
from agent.host.locks import LockBusy, file_lock
from agent.jobs.attempt import Attempt
from agent.jobs.errors import LedgerUnavailable
from agent.jobs.ledger import Ledger
from agent.jobs.model import EventKind, JobError, JobRecord, JobStatus, StepState
from agent.operations.base import Host, Operation

LOCK_SECONDS = 2.0
"""The sweep holds a lock for a moment to see whether its worker lives."""


class WakeReporter(Protocol):
    """Tells the reporter of new events."""

    def __call__(self, *, at_once: bool = False) -> None: ...


FetchSecrets = Callable[[str, Sequence[str]], dict[str, Secret]]
log = structlog.get_logger(__name__)


def lock_path(data_dir: Path, target: str) -> Path:
    """Return the lock file of a target."""
    return data_dir / "locks" / f"{target.replace(':', '-')}.lock"


def work_path(data_dir: Path, job_id: str) -> Path:
    """Return the folder that belongs to one job while it is open."""
    return data_dir / "work" / job_id


class Runner:
    """One per worker process."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        operations: Mapping[str, Operation[Any]],
        host: Host,
        data_dir: Path,
        fetch_secrets: FetchSecrets,
        wake_reporter: WakeReporter,
    ) -> None:
        self._ledger = ledger
        self._operations = operations
        self._host = host
        self._data_dir = data_dir
        self._fetch_secrets = fetch_secrets
        self._wake_reporter = wake_reporter
        files.make_directory(data_dir / "locks")
        files.make_directory(data_dir / "work")

    def run(self, job_id: str) -> None:
        """Run the job to its end. Quiet when it is finished or another live worker has it.

        Raises ``ledger_unavailable``; the job stays as it was written last and is taken up again by the sweep.
        """
        record = self._ledger.get_record(job_id)
        if not record.job.is_open:
            return
        try:
            with file_lock(lock_path(self._data_dir, record.job.target), timeout_seconds=LOCK_SECONDS):
                self._run_locked(job_id)
        except LockBusy:
            log.info("job.held_elsewhere", job_id=job_id)

    def _run_locked(self, job_id: str) -> None:
        record = self._ledger.get_record(job_id)
        if not record.job.is_open:
            return
        with structlog.contextvars.bound_contextvars(
            job_id=job_id, correlation_id=record.job.correlation_id, operation=record.job.operation
        ):
            log.info("job.started", target=record.job.target, resumed=record.job.started_at is not None)
            self._finish(record, self._attempt(record))
        files.remove_tree(work_path(self._data_dir, job_id))

    def _attempt(self, record: JobRecord) -> tuple[JobStatus, dict[str, Any] | None, JobError | None]:
        operation = self._operations.get(record.job.operation)
        if operation is None:
            return JobStatus.FAILED, None, _unknown(record)
        if record.job.started_at is None and read_time(record.job.deadline) <= self._host.clock():
            return JobStatus.FAILED, None, _too_late()
        work_dir = work_path(self._data_dir, record.job.id)
        files.make_directory(work_dir)
        attempt = Attempt(
            record=record,
            operation=operation,
            ledger=self._ledger,
            host=self._host,
            work_dir=work_dir,
            fetch_secrets=self._fetch_secrets,
            wake_reporter=self._wake_reporter,
        )
        if record.failure is None:
            try:
                return JobStatus.SUCCEEDED, attempt.go(), None
            except LedgerUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - every failure ends in a written error
                attempt.record_failure(error)
        failure = attempt.compensate()
        return JobStatus.FAILED, attempt.find_receipt(), failure

    def _finish(
        self, record: JobRecord, outcome: tuple[JobStatus, dict[str, Any] | None, JobError | None]
    ) -> None:
        with self._ledger.changing(record.job.id, EventKind.FINISHED) as changed:
            job = changed.job
            job.status, job.result, job.error = outcome
            for step in job.steps:
                step.state = StepState.SKIPPED if step.state is StepState.PENDING else step.state
            job.finished_at = self._ledger.now()
            changed.notes = {}
        self._wake_reporter(at_once=True)
        error = outcome[2]
        log.info("job.finished", status=outcome[0], code=error.code if error else None)


def _unknown(record: JobRecord) -> JobError:
    was_begun = record.job.started_at is not None
    done = "what its steps say was done and was not taken back" if was_begun else "nothing was touched"
    message = f"This agent does not know {record.job.operation!r} any more; {done}. Update the agent."
    return JobError(code="operation_unknown", message=message, step=None, compensated=not was_begun)


def _too_late() -> JobError:
    message = "The job's deadline passed before it could be started; nothing was touched. Send a new job."
    return JobError(code="deadline_passed", message=message, step=None, compensated=True)
