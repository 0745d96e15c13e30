"""The RQ worker process: answers the doorbell by running task rows."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from press_app.work.bell import QUEUES
from press_app.work.runner import Runner

log = structlog.get_logger(__name__)

REDIS_WAIT_SECONDS = 2.0

_runners: list[Runner] = []


def answer(task_id: str) -> None:
    """What the doorbell calls."""
    _runners[0].run(task_id)


class Worker(SimpleWorker):
    """No fork for each task: a wake-up costs about a millisecond, and the row's lease covers a crash."""

    max_connection_wait_time = REDIS_WAIT_SECONDS
    stopping: threading.Event

    def procline(self, message: str) -> None:
        """Leave the title of the process alone: it says which program this is, and whose."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End after the running task, even when Redis cannot be told."""
        self.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def work_forever(runner: Runner, redis_url: str, queues: Sequence[str] = QUEUES) -> None:
    """Listen to ``queues`` in this order until SIGTERM or SIGINT; a Redis that is away is waited for."""
    _runners[:] = [runner]
    stopping = threading.Event()
    while not stopping.is_set():
        connection = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 1))
        bells = [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues]
        try:
            worker = Worker(bells, connection=connection, serializer=JSONSerializer)  # asks Redis already
            worker.stopping = stopping
            worker.work(logging_level="WARNING")
        except redis.ConnectionError as error:
            log.warning("worker.redis_away", error=str(error))
            with suppress(StopRequested):
                stopping.wait(REDIS_WAIT_SECONDS)
        else:
            return
        finally:
            connection.close()
