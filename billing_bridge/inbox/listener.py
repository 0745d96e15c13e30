"""Listens to the doorbell: an RQ worker that outlives Redis and still obeys signals."""

import threading
from collections.abc import Callable
from types import FrameType

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)
LONGEST_WAIT = 2.0


class _Worker(SimpleWorker):
    """Remembers that it was asked to stop, even when it cannot tell Redis so."""

    max_connection_wait_time = LONGEST_WAIT

    def __init__(self, queue: Queue, connection: redis.Redis, stopped: threading.Event) -> None:
        super().__init__([queue], connection=connection, serializer=JSONSerializer)
        self._stopped = stopped

    def procline(self, message: str) -> None:
        """Leave the title of the process alone: it says which program this is, and whose."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self._stopped.set()
        stop: Callable[[int, FrameType | None], None] = super().request_stop
        stop(signum, frame)


def listen(*, redis_url: str, queue_name: str) -> None:
    """Run doorbell jobs until SIGTERM or SIGINT, which let the current job finish; without Redis, wait for it."""
    stopped = threading.Event()
    while not stopped.is_set():
        connection = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 1))
        queue = Queue(queue_name, connection=connection, serializer=JSONSerializer)
        try:
            _Worker(queue, connection, stopped).work(logging_level="WARNING", with_scheduler=False)
        except redis.ConnectionError as error:
            log.warning("redis_away", error=str(error))
            _pause(stopped)
        else:
            return
        finally:
            connection.close()


def _pause(stopped: threading.Event) -> None:
    try:
        stopped.wait(LONGEST_WAIT)
    except (StopRequested, redis.ConnectionError):
        stopped.set()  # The signal came while nothing ran: there is nothing to finish.
