"""What was found when the store was last tried."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.stores.fake import FakeStore
from agent.stores.folder import FolderStore
from agent.stores.port import Finding
from agent.stores.watch import StoreWatch


class BrokenStore(FakeStore):
    """Cannot even be tried."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def check(self) -> Iterator[Finding]:
        raise self._error


class TestLook:
    def test_a_store_that_holds(self) -> None:
        watch = StoreWatch(FakeStore())
        watch.look()
        assert watch.said == "ok"

    def test_is_well_again_when_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "root").write_text("a file")
        watch = StoreWatch(FolderStore(tmp_path / "root"))
        watch.look()
        assert "store:" in watch.said
        (tmp_path / "root").unlink()
        watch.look()
        assert watch.said == "ok"

    @pytest.mark.parametrize(
        ("error", "said"), [(AgentError("It is away."), "It is away."), (RuntimeError("x"), "(RuntimeError)")]
    )
    def test_a_store_that_cannot_be_tried(self, error: Exception, said: str) -> None:
        watch = StoreWatch(BrokenStore(error))
        watch.look()
        assert said in watch.said


def test_ends_when_told() -> None:
    stopping = threading.Event()
    stopping.set()
    StoreWatch(FakeStore()).run(stopping)
