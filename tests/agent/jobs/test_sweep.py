"""The sweep rings for what was lost and for nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from agent.host.locks import file_lock
from agent.jobs.database import Database
from agent.jobs.doorbell import Doorbell, make_redis
from agent.jobs.ledger import Ledger
from agent.jobs.model import JobStatus
from agent.jobs.runner import lock_path
from agent.jobs.sweep import Sweep
from agent.jobs.worker import count_live_workers, queues_of, worker_lock
from tests.agent.jobs.records import make_record


class Setup:
    """A ledger, a doorbell and a sweep over a real Redis."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        (folder / "locks").mkdir()
        self.redis: redis.Redis = make_redis(url)
        self.ledger = Ledger(Database(folder / "ledger.sqlite"))
        self.doorbell = Doorbell(self.redis)
        self.sweep = Sweep(self.ledger, self.doorbell, folder)


@pytest.fixture
def setup(tmp_path: Path, redis_url: str) -> Iterator[Setup]:
    setup = Setup(tmp_path, redis_url)
    yield setup
    setup.ledger.close()
    setup.redis.close()


class TestLook:
    def test_rings_once_for_a_job_that_nobody_rang_for(self, setup: Setup) -> None:
        job = setup.ledger.accept(make_record())[0]
        assert setup.sweep.look() == [job.id]
        assert setup.doorbell.list_rung() == {job.id}
        assert setup.sweep.look() == []

    def test_rings_again_after_redis_forgot(self, setup: Setup) -> None:
        job = setup.ledger.accept(make_record())[0]
        setup.doorbell.ring(job.id, "urgent")
        assert setup.sweep.look() == []
        setup.redis.flushdb()
        assert setup.sweep.look() == [job.id]

    def test_takes_up_a_job_only_when_its_worker_is_dead(self, setup: Setup) -> None:
        job = setup.ledger.accept(make_record())[0]
        with setup.ledger.changing(job.id) as record:
            record.job.status = JobStatus.RUNNING
        with file_lock(lock_path(setup.folder, job.target), timeout_seconds=1):
            assert setup.sweep.look() == []
        assert setup.sweep.look() == [job.id]

    def test_leaves_finished_jobs_alone(self, setup: Setup) -> None:
        job = setup.ledger.accept(make_record())[0]
        with setup.ledger.changing(job.id) as record:
            record.job.status = JobStatus.SUCCEEDED
        assert setup.sweep.look() == []


class TestDoorbell:
    def test_a_dead_redis_loses_the_ring_and_nothing_else(self) -> None:
        with make_redis("redis://127.0.0.1:9/0") as client:
            doorbell = Doorbell(client)
            doorbell.ring("id", "urgent")
            doorbell.wake_reporter()
            with pytest.raises(redis.RedisError):
                doorbell.ping()

    def test_many_wakings_are_one(self, setup: Setup) -> None:
        for _ in range(5):
            setup.doorbell.wake_reporter()
        assert setup.redis.llen("agent:reporter") == 1


class TestWorkers:
    def test_only_the_first_takes_slow_queues(self) -> None:
        assert queues_of(0) == ("urgent", "default", "slow", "backup")
        assert queues_of(1) == ("urgent", "default")

    def test_counts_those_that_live(self, tmp_path: Path) -> None:
        assert count_live_workers(tmp_path, 2) == 0
        with worker_lock(tmp_path, 1):
            assert count_live_workers(tmp_path, 2) == 1
        assert count_live_workers(tmp_path, 2) == 0
