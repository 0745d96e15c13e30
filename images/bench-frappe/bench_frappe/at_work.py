"""What works on a site at this moment: requests of its people, and jobs that it has queued."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from rq import Queue
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job


class Requests:
    """Counts the requests that are being answered."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: Counter[str] = Counter()

    @contextmanager
    def counted(self, site_id: str) -> Iterator[None]:
        with self._guard:
            self._counts[site_id] += 1
        try:
            yield
        finally:
            with self._guard:
                self._counts[site_id] -= 1
                if not self._counts[site_id]:
                    del self._counts[site_id]

    def count(self, site_id: str) -> int:
        with self._guard:
            return self._counts[site_id]


def has_jobs(connection: "redis.Redis[bytes]", site_id: str) -> bool:
    """Whether a worker runs a job of the site, or one waits for a worker."""
    for queue in Queue.all(connection=connection):
        for job_id in (*queue.started_job_registry.get_job_ids(), *queue.get_job_ids()):
            try:
                job = Job.fetch(job_id, connection=connection)
                if job.kwargs.get("site") == site_id:
                    return True
            except (NoSuchJobError, DeserializationError):
                continue
    return False
