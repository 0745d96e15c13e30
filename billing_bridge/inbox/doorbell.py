"""The doorbell: tells a worker that there is something in the inbox, and nothing more."""

from dataclasses import dataclass, field
from typing import Protocol

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)
TASK = "billing_bridge.inbox.tasks.drain"
ENOUGH_RINGS = 4
JOB_SECONDS = 600


class Doorbell(Protocol):
    def ring(self) -> bool:
        """Wake a worker; False when the bell is out of order, which only costs time: the sweep rings again."""

    def check(self) -> None:
        """Raises an error of the Redis client when it cannot be reached."""


class RedisDoorbell:
    """Rings by an RQ job without arguments; a job that has not started yet will see every row committed before."""

    def __init__(self, connection: redis.Redis, *, queue_name: str) -> None:
        self._connection = connection
        self._queue = Queue(queue_name, connection=connection, serializer=JSONSerializer)

    def ring(self) -> bool:
        try:
            if self._queue.count < ENOUGH_RINGS:
                self._queue.enqueue(TASK, job_timeout=JOB_SECONDS, result_ttl=0, failure_ttl=3600)
        except redis.RedisError as error:
            log.warning("doorbell_silent", error=str(error))
            return False
        return True

    def check(self) -> None:
        self._connection.ping()


@dataclass
class FakeDoorbell:
    """Counts the rings; can be broken."""

    rings: int = 0
    is_broken: bool = False
    log: list[str] = field(default_factory=list)

    def ring(self) -> bool:
        self.rings += not self.is_broken
        return not self.is_broken

    def check(self) -> None:
        if self.is_broken:
            raise redis.ConnectionError("The doorbell is broken.")
