"""A worker process: takes ids from RQ's queues and runs the jobs behind them."""

import signal
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import redis
import structlog
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from agent.host import files
from agent.host.locks import LockBusy, file_lock
from agent.jobs.doorbell import make_queues
from agent.jobs.errors import JobUnknown
from agent.jobs.runner import Runner
from agent.operations.base import Urgency

ALL_QUEUES = tuple(Urgency)
QUICK_QUEUES = (Urgency.URGENT, Urgency.DEFAULT)
RETRY_SECONDS = 0.5
NUMBER_SECONDS = 10.0
log = structlog.get_logger(__name__)
_runner: ContextVar[Runner] = ContextVar("runner")


def queues_of(number: int) -> tuple[Urgency, ...]:
    """Return the queues of a worker: number 0 takes all, the others stay free for what somebody waits for."""
    return ALL_QUEUES if number == 0 else QUICK_QUEUES


def worker_lock(data_dir: Path, number: int) -> AbstractContextManager[None]:
    """Hold the number of a worker while it lives. Raises ``lock_busy`` when another one has it."""
    files.make_directory(data_dir / "locks")
    return file_lock(data_dir / "locks" / f"worker-{number}.lock", timeout_seconds=NUMBER_SECONDS)


def count_live_workers(data_dir: Path, numbers: int) -> int:
    """Count the worker numbers below ``numbers`` that a live process holds."""
    alive = 0
    for number in range(numbers):
        path = data_dir / "locks" / f"worker-{number}.lock"
        try:
            if path.exists():
                with file_lock(path, timeout_seconds=0):
                    continue
        except LockBusy:
            alive += 1
    return alive


def run_job(job_id: str) -> None:
    """Run one job; this is the task that RQ calls by name."""
    try:
        _runner.get().run(job_id)
    except JobUnknown:
        log.warning("job.rung_for_but_unknown", job_id=job_id)


class NoTimer(BaseDeathPenalty):
    """The runner itself keeps to the job's deadline, and needs the alarm clock for that."""

    def setup_death_penalty(self) -> None:
        """Set no alarm."""

    def cancel_death_penalty(self) -> None:
        """Leave the alarm of others alone."""


class JobWorker(SimpleWorker):
    """RQ's worker without its timer, and patient with a Redis that comes back."""

    death_penalty_class = NoTimer
    max_connection_wait_time = 2.0
    log_result_lifespan = False
    stopping: threading.Event

    def procline(self, message: str) -> None:
        """Leave the title of the process alone: it says which program this is, and whose."""

    def request_stop(self, signum: Any, frame: Any) -> None:
        """End after the job at hand; at once when there is none."""
        self.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def work(runner: Runner, client: redis.Redis, queues: Sequence[str]) -> None:
    """Work until the process is asked to stop; a Redis that vanishes only makes it wait."""
    _runner.set(runner)
    stopping = threading.Event()

    def stop(_signal: int, _frame: Any) -> None:
        stopping.set()

    while not stopping.is_set():
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            worker = JobWorker(
                make_queues(client, queues),
                connection=client,
                serializer=JSONSerializer,
                log_job_description=False,
            )
            worker.stopping = stopping
            worker.work(logging_level="WARNING")
        except redis.RedisError as error:
            log.warning("worker.redis_away", error=str(error))
        stopping.wait(RETRY_SECONDS)
