"""One agent whose API and workers run, for all attacks of a module."""

from collections.abc import Iterator

import pytest

from tests.agent.harness import RunningAgent, running_agent


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[RunningAgent]:
    with running_agent(tmp_path_factory.mktemp("attacked"), redis_server.removesuffix("0") + "3") as agent:
        agent.start_worker(0)
        agent.start_worker(1)
        assert agent.deploy()["status"] == "succeeded"
        yield agent
