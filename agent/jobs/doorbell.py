"""Redis as the doorbell: it wakes workers and the reporter, and may lose everything without harm."""

from collections.abc import Sequence

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer

from agent.operations.base import Urgency

REPORTER_KEY = "agent:reporter"
REPORTER_NOW_KEY = "agent:reporter:now"
GATHER_SECONDS = 0.2
"""A person watches steps, so they are told soon; a job's end is waited for, so it is told at once and takes them along."""
TASK = "agent.jobs.worker.run_job"
PREFIX = "agent:"
KEEP_FAILED_SECONDS = 60
log = structlog.get_logger(__name__)


def make_redis(url: str) -> redis.Redis:
    """Connect with time limits everywhere; nothing here may wait for a dead Redis."""
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=10)


def make_queues(client: redis.Redis, names: Sequence[str]) -> list[Queue]:
    """Return the RQ queues in the order in which a worker asks them."""
    return [Queue(PREFIX + name, connection=client, serializer=JSONSerializer) for name in names]


class Doorbell:
    """Rings; a lost ring is made good by the sweep and by the reporter's own look once a second."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._queues = dict(zip(Urgency, make_queues(client, list(Urgency)), strict=True))

    def ring(self, job_id: str, queue: str) -> None:
        """Put the job's id into its queue."""
        try:
            self._queues[Urgency(queue)].enqueue_call(
                TASK, args=(job_id,), job_id=job_id, timeout=-1, result_ttl=0, failure_ttl=KEEP_FAILED_SECONDS
            )
        except redis.RedisError as error:
            log.warning("doorbell.lost", job_id=job_id, error=str(error))

    def list_rung(self) -> set[str]:
        """Return the ids that wait in the queues. Raises ``redis.RedisError``."""
        return {job_id for queue in self._queues.values() for job_id in queue.get_job_ids()}

    def wake_reporter(self, *, at_once: bool = False) -> None:
        """Tell the reporter that there are events; ``at_once`` when somebody waits for them."""
        key = REPORTER_NOW_KEY if at_once else REPORTER_KEY
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.rpush(key, "1")
                pipe.ltrim(key, 0, 0)
                pipe.execute()
        except redis.RedisError:
            log.debug("doorbell.reporter_not_woken")

    def wait_for_events(self, seconds: int) -> None:
        """Wait until somebody wakes the reporter or the time is over. Raises ``redis.RedisError``."""
        woken = self._client.blpop([REPORTER_NOW_KEY, REPORTER_KEY], timeout=seconds)
        if woken is not None and woken[0] in {REPORTER_KEY, REPORTER_KEY.encode()}:
            self._client.blpop([REPORTER_NOW_KEY], timeout=GATHER_SECONDS)

    def ping(self) -> None:
        """Raises ``redis.RedisError`` when Redis does not answer."""
        self._client.ping()
