"""The RQ worker process: answers the doorbell by running task rows."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from press_app.work.bell import QUEUES
from press_app.work.runner import Runner

log = structlog.get_logger(__name__)

REDIS_WAIT_SECONDS = 2.0

_runners: list[Runner] = []


def answer(task_id: str) -> None:
    """What the doorbell calls."""
    _runners[0].run(task_id)


@dataclass(frozen=True)
class Lane:
    """What one thread of a worker process listens to."""

    redis_url: str
    queues: Sequence[str]
    stopping: threading.Event
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held while a task runs in a thread beside; whoever takes it for good lets no other task begin there."""

    def work_for_good(self) -> None:
        """Beside another lane, until told to stop: nobody would start this thread again."""
        while not self.stopping.is_set():
            try:
                has_given_up = self.work(SideWorker)
            except Exception:
                log.exception("worker.beside_failed")
                has_given_up = True
            if has_given_up:
                self.stopping.wait(REDIS_WAIT_SECONDS)

    def work(self, kind: "type[Worker]") -> bool:
        """Answer the doorbell. Returns False after a wait when Redis is away, True when told to stop or at its end."""
        connection = redis.Redis.from_url(self.redis_url, retry=Retry(NoBackoff(), 1))
        bells = [Queue(name, connection=connection, serializer=JSONSerializer) for name in self.queues]
        try:
            worker = kind(bells, connection=connection, serializer=JSONSerializer)  # asks Redis already
            worker.lane = self
            worker.work(logging_level="WARNING")
        except redis.ConnectionError as error:
            log.warning("worker.redis_away", error=str(error))
            with suppress(StopRequested):
                self.stopping.wait(REDIS_WAIT_SECONDS)
            return False
        else:
            return True
        finally:
            connection.close()


class Worker(SimpleWorker):
    """No fork for each task: a wake-up costs about a millisecond, and the row's lease covers a crash."""

    max_connection_wait_time = REDIS_WAIT_SECONDS
    lane: Lane

    def procline(self, message: str) -> None:
        """Leave the title of the process alone: it says which program this is, and whose."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End after the running task, even when Redis cannot be told."""
        self.lane.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


class SideWorker(Worker):
    """The same in a thread beside: signals, and the alarm clock, belong to the main thread."""

    death_penalty_class = TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        """Leave signals alone."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one task. What was taken from the queue and cannot begin any more, the sweep rings for again."""
        with self.lane.turn:
            super().execute_job(job, queue)


def work_forever(
    runner: Runner, redis_url: str, queues: Sequence[str] = QUEUES, *, beside: Sequence[str] = ()
) -> None:
    """Listen to ``queues`` in this order until SIGTERM or SIGINT; a Redis that is away is waited for.

    A thread listens to ``beside`` all the while: these tasks do not wait for others.
    """
    _runners[:] = [runner]
    stopping = threading.Event()
    side = Lane(redis_url, beside, stopping)
    if beside:
        threading.Thread(target=side.work_for_good, name="beside", daemon=True).start()
    lane = Lane(redis_url, queues, stopping)
    try:
        while not stopping.is_set() and not lane.work(Worker):
            pass
    finally:
        stopping.set()
        side.turn.acquire()  # What runs there is finished, and nothing is begun.
