"""One real bench for all tests of the bench program."""

from collections.abc import Iterator

import pytest

from tests.agent.engines.tryton.deployed import Deployed, deployed


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployed bench; tests bring their own sites."""
    with deployed(tmp_path_factory.mktemp("agent")) as ready:
        yield ready
