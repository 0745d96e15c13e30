"""The doorbell: Redis wakes workers and listeners; it never holds anything that is not a row."""

import time
from collections.abc import Iterator
from typing import Protocol

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)

JOURNAL_CHANNEL = "press:journal"
RING_FUNCTION = "press_app.work.worker.answer"
QUEUES = ("urgent", "default", "slow")
"""By urgency: what a person waits for, what nobody waits for, what takes long."""


SILENT_SECONDS = 1.0


class Bell(Protocol):
    """Wakes whoever can do the work."""

    def ring(self, task_id: str, queue: str) -> bool:
        """Wake a worker for the task; False when nobody could be woken (the sweep rings again)."""

    def announce(self) -> None:
        """Tell listeners that the journal grew."""

    def count_waiting(self, queue: str) -> int:
        """How many rings of this queue no worker has answered yet; 0 when that cannot be known."""


class RedisBell:
    """RQ queues with JSON and one pub/sub channel."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._queues = {
            name: Queue(name, connection=self._redis, serializer=JSONSerializer) for name in QUEUES
        }
        self._silent_until = 0.0

    def _fall_silent(self) -> None:
        """Spare those who come next the wait for a Redis that does not answer; the sweep rings again."""
        self._silent_until = time.monotonic() + SILENT_SECONDS

    def ring(self, task_id: str, queue: str) -> bool:
        if time.monotonic() < self._silent_until:
            return False
        try:
            self._queues[queue].enqueue(RING_FUNCTION, task_id, result_ttl=0, failure_ttl=3600)
        except (RedisError, OSError) as error:
            self._fall_silent()
            log.warning("bell.silent", task_id=task_id, error=str(error))
            return False
        return True

    def announce(self) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            self._redis.publish(JOURNAL_CHANNEL, b"1")
        except (RedisError, OSError) as error:
            self._fall_silent()
            log.warning("bell.silent", channel=JOURNAL_CHANNEL, error=str(error))

    def count_waiting(self, queue: str) -> int:
        try:
            return self._queues[queue].count
        except (RedisError, OSError):
            return 0

    def ping(self) -> None:
        """Raises ``redis.exceptions.RedisError`` when Redis does not answer."""
        self._redis.ping()


class FakeBell:
    """Remembers what was rung, for tests that run the tasks themselves."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str]] = []
        self.announced = 0

    def ring(self, task_id: str, queue: str) -> bool:
        self.rung.append((task_id, queue))
        return True

    def announce(self) -> None:
        self.announced += 1

    def count_waiting(self, queue: str) -> int:
        return sum(rung == queue for _, rung in self.rung)

    def take(self) -> Iterator[tuple[str, str]]:
        """Yield and forget what was rung, oldest first."""
        while self.rung:
            yield self.rung.pop(0)
