"""The RQ worker process: answers the doorbell by running task rows."""

import structlog
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from press_app.work.bell import QUEUES
from press_app.work.runner import Runner

log = structlog.get_logger(__name__)

_runners: list[Runner] = []


def answer(task_id: str) -> None:
    """What the doorbell calls."""
    _runners[0].run(task_id)


def work_forever(runner: Runner, redis_url: str) -> None:
    """Listen to all queues by urgency until told to stop (SIGTERM ends after the running task)."""
    _runners[:] = [runner]
    redis = Redis.from_url(redis_url)
    queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in QUEUES]
    # No fork for each task: a wake-up costs about a millisecond, and the row's lease covers a crash.
    SimpleWorker(queues, connection=redis, serializer=JSONSerializer).work(logging_level="WARNING")
