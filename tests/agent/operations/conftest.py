"""One workshop per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.operations.workshop import Workshop, make_workshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop with one active site."""
    shop = make_workshop(tmp_path)
    yield shop
    shop.ledger.close()
