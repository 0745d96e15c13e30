"""One platform for all end-to-end tests, and tenants that no other test knows."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import GIVEN, Platform, load, running
from tests.e2e.tenants import Tenants


@pytest.fixture(scope="session")
def whole_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The one that was started for the tests, or one of our own."""
    given = os.environ.get(GIVEN)
    if given:
        yield load(Path(given))
        return
    with running(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest.fixture
def platform(whole_platform: Platform) -> Iterator[Platform]:
    """A healthy platform whose webhooks arrive; a test that spoilt it leaves it so again."""
    whole_platform.wait_healthy()
    whole_platform.sandbox("POST", "chaos", {})
    yield whole_platform
    whole_platform.wait_healthy()
    whole_platform.sandbox("POST", "chaos", {})


@pytest.fixture
def tenants(platform: Platform) -> Tenants:
    return Tenants(platform)
