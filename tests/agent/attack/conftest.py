"""One agent whose API and workers run, for all attacks of a module."""

from collections.abc import Iterator

import pytest

from tests.agent.harness import RunningAgent, running_agent
from tests.agent.support import wait_until


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[RunningAgent]:
    with running_agent(tmp_path_factory.mktemp("attacked"), redis_server.removesuffix("0") + "3") as agent:
        locks = [agent.settings.data_dir / "locks" / f"worker-{number}.lock" for number in range(2)]
        for number in range(len(locks)):
            agent.start_worker(number)
        # A worker that comes late would look like somebody who left a file.
        wait_until(lambda: all(lock.exists() for lock in locks), what="both workers")
        assert agent.deploy()["status"] == "succeeded"
        yield agent
