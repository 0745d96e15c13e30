"""A state folder, and the supervisor of what is defined in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.bringup.state import Paths
from scripts.bringup.supervisor import Supervisor


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "var")
    made.make()
    return made


@pytest.fixture
def supervisor(paths: Paths) -> Iterator[Supervisor]:
    made = Supervisor(paths)
    yield made
    made.clear()
    if made.is_running():
        made.stop()
