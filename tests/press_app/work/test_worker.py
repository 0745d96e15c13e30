"""The worker process: what is urgent does not wait, and what runs is finished at the end."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from press_app.work.bell import RedisBell
from press_app.work.model import TaskStatus
from press_app.work.runner import Runner
from press_app.work.unit_of_work import Work
from press_app.work.worker import REDIS_WAIT_SECONDS, Lane, work_forever
from tests.factories.processes import running_redis, wait_until
from tests.press_app.work.support import make_task, promise, read_task, with_tasks

pytestmark = [pytest.mark.redis, pytest.mark.timeout(60)]
PATIENCE = 20.0


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """RQ takes these signals for itself."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis for one test: a thread beside listens as long as its process lives, and would hear the next test's rings."""
    with running_redis(tmp_path) as url:
        yield url


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class Told:
    """What the tasks of a test tell each other."""

    def __init__(self) -> None:
        self.slow_runs, self.urgent_ran = threading.Event(), threading.Event()
        self.in_time: list[bool] = []


def ring_for(runner: Runner, knowing: Work, redis_url: str, name: str) -> str:
    task_id = promise(knowing, name)
    assert RedisBell(redis_url).ring(task_id, runner.tasks[name].queue)
    return task_id


def test_an_urgent_task_does_not_wait_for_a_slow_one(work: Work, redis_url: str) -> None:
    told = Told()

    def go_slowly() -> None:
        told.slow_runs.set()
        told.in_time.append(told.urgent_ran.wait(PATIENCE))
        stop()

    urgent = make_task(told.urgent_ran.set, "thing.hurry", queue="urgent")
    knowing, runner = with_tasks(work, make_task(go_slowly, "thing.crawl", queue="slow"), urgent)

    def ring() -> None:
        ring_for(runner, knowing, redis_url, "thing.crawl")
        told.slow_runs.wait(PATIENCE)
        ring_for(runner, knowing, redis_url, "thing.hurry")

    threading.Thread(target=ring).start()
    work_forever(runner, redis_url, beside=["urgent"])
    assert told.in_time == [True]


def test_the_thread_beside_outlives_what_nobody_foresaw(redis_url: str) -> None:
    """A Redis that refuses to write, as on a full disk, answers RQ with an error that no reconnecting cures."""
    lane = Lane(redis_url, ["urgent"], threading.Event())
    thread = threading.Thread(target=lane.work_for_good, daemon=True)
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("min-replicas-to-write", 1)
        thread.start()
        thread.join(2 * REDIS_WAIT_SECONDS)
        assert thread.is_alive()
        client.config_set("min-replicas-to-write", 0)
        wait_until(lambda: client.scard("rq:workers") == 1, seconds=PATIENCE, what="a worker that listens")
    lane.stopping.set()


def test_what_runs_beside_is_finished_before_the_end(work: Work, redis_url: str) -> None:
    ended = threading.Event()

    def hurry() -> None:
        stop()
        threading.Event().wait(0.5)
        ended.set()

    knowing, runner = with_tasks(work, make_task(hurry, "thing.hurry", queue="urgent"))
    task_id = ring_for(runner, knowing, redis_url, "thing.hurry")
    work_forever(runner, redis_url, ["default"], beside=["urgent"])
    assert ended.is_set()
    assert read_task(work, task_id).status is TaskStatus.DONE


def test_nothing_is_begun_beside_after_the_end(work: Work, redis_url: str) -> None:
    ran = threading.Event()
    knowing, runner = with_tasks(work, make_task(ran.set, "thing.hurry", queue="urgent"))
    threading.Timer(0.5, stop).start()
    work_forever(runner, redis_url, ["default"], beside=["urgent"])
    task_id = ring_for(runner, knowing, redis_url, "thing.hurry")
    assert not ran.wait(1)
    assert read_task(work, task_id).status is TaskStatus.WAITING
