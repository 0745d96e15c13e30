"""Rings again for what was lost: jobs that nobody rang for, and jobs whose worker died."""

import threading
import time
from pathlib import Path

import redis
import structlog

from agent.errors import AgentError
from agent.host import files
from agent.host.locks import LockBusy, file_lock
from agent.jobs.doorbell import Doorbell
from agent.jobs.ledger import Ledger
from agent.jobs.model import JobRecord, JobStatus
from agent.jobs.runner import lock_path

EVERY_SECONDS = 2.0
PRUNE_SECONDS = 600.0
log = structlog.get_logger(__name__)


class Sweep:
    """Runs beside the API; doing it twice or in two places does no harm."""

    def __init__(self, ledger: Ledger, doorbell: Doorbell, data_dir: Path) -> None:
        self._ledger = ledger
        self._doorbell = doorbell
        self._data_dir = data_dir
        self._pruned_at = float("-inf")

    def run(self, stopping: threading.Event) -> None:
        """Look now and then until told to stop."""
        while not stopping.wait(EVERY_SECONDS):
            try:
                self.look()
                self._prune_sometimes()
            except (AgentError, redis.RedisError, OSError) as error:
                log.warning("sweep.failed", error=str(error))

    def look(self) -> list[str]:
        """Ring for every open job that nobody works on and that waits in no queue. Returns their ids."""
        waiting = self._ledger.list_open()
        if not waiting:
            return []
        rung = self._doorbell.list_rung()
        lost = [record for record in waiting if record.job.id not in rung and self._is_left_alone(record)]
        for record in lost:
            self._doorbell.ring(record.job.id, record.queue)
        return [record.job.id for record in lost]

    def _is_left_alone(self, record: JobRecord) -> bool:
        if record.job.status is JobStatus.QUEUED:
            return True
        try:
            with file_lock(lock_path(self._data_dir, record.job.target), timeout_seconds=0):
                return True
        except LockBusy:
            return False

    def _prune_sometimes(self) -> None:
        if time.monotonic() - self._pruned_at < PRUNE_SECONDS:
            return
        self._pruned_at = time.monotonic()
        self._ledger.prune()
        is_open = {record.job.id for record in self._ledger.list_open()}
        for folder in (self._data_dir / "work").glob("*"):
            if folder.name not in is_open:
                files.remove_tree(folder)
