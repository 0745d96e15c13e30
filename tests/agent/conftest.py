"""Real programs for the agent's tests."""

from collections.abc import Iterator

import pytest
import redis

from tests.agent.support import free_port, running, wait_until
from tests.factories.object_store import ObjectStore, running_object_store


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real redis-server of this session's own; yields its URL."""
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    argv = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with running(argv, folder / "log"), redis.Redis(port=port) as client:
        wait_until(lambda: _answers(client), what="redis-server does not answer")
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A real S3 of this session's own; each test makes its buckets."""
    with running_object_store(tmp_path_factory.mktemp("s3") / "store") as store:
        yield store


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
