"""Files where a bench writes, too: nothing leads elsewhere, and nothing holds who looks."""

import os
from pathlib import Path

import pytest

from agent.host import shared_files
from agent.host.shared_files import SMALL_BYTES, PathUnsafe


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "config").write_text("of somebody else")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "sites"
    folder.mkdir()
    return folder


def test_written_and_read(root: Path) -> None:
    with shared_files.opened_folder(root, "one", "private", make=True):
        pass
    shared_files.write_whole(root, "one", "config", text="new")
    assert shared_files.read_small(root, "one", "config") == "new"
    assert (root / "one" / "config").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (root / "one").iterdir()].count("config") == 1
    assert shared_files.remove(root, "one")
    assert not shared_files.remove(root, "one")


def test_a_linked_folder_is_not_followed(root: Path, elsewhere: Path) -> None:
    (root / "one").symlink_to(elsewhere)
    with pytest.raises(PathUnsafe):
        shared_files.read_small(root, "one", "config")
    with pytest.raises(PathUnsafe):
        shared_files.write_whole(root, "one", "config", text="mine")
    with pytest.raises(PathUnsafe), shared_files.opened_folder(root, "one", "private", make=True):
        pass
    assert shared_files.remove(root, "one")
    assert (elsewhere / "config").read_text() == "of somebody else"
    assert sorted(path.name for path in elsewhere.iterdir()) == ["config"]


def test_a_linked_file_is_replaced_and_never_read(root: Path, elsewhere: Path) -> None:
    (root / "config").symlink_to(elsewhere / "config")
    with pytest.raises(PathUnsafe):
        shared_files.read_small(root, "config")
    shared_files.write_whole(root, "config", text="mine")
    assert (elsewhere / "config").read_text() == "of somebody else"
    assert (root / "config").read_text() == "mine"


@pytest.mark.timeout(10)
def test_a_pipe_holds_nobody_and_a_huge_file_is_not_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "huge").write_bytes(b"x" * (SMALL_BYTES + 1))
    for name in ("pipe", "huge"):
        with pytest.raises(PathUnsafe):
            shared_files.read_small(root, name)


def test_a_folder_moves_into_a_plain_one_only(root: Path, elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "work" / "public").mkdir(parents=True)
    (root / "one").symlink_to(elsewhere)
    with pytest.raises(PathUnsafe):
        shared_files.move(tmp_path / "work", root, "public", "one")
    (root / "two").mkdir()
    assert shared_files.move(tmp_path / "work", root, "public", "two")
    assert not shared_files.move(tmp_path / "work", root, "private", "two")
    assert (root / "two" / "public").is_dir()
