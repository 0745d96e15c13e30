"""Files that are whole or absent, locks that die with their holder, free ports."""

import errno
import hashlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host import files
from agent.host.locks import LockBusy, file_lock
from agent.host.ports import find_free_port


class TestWriteAtomic:
    def test_replaces_and_sets_the_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        files.write_atomic(path, "one")
        files.write_atomic(path, b"two", mode=0o600)
        assert path.read_bytes() == b"two"
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_a_failed_copy_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("old")
        with pytest.raises(IsADirectoryError) as caught:
            files.copy_durably(tmp_path, path)
        assert caught.value.errno == errno.EISDIR
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class TestCopyDurably:
    def test_copies_content_and_mode(self, tmp_path: Path) -> None:
        source = tmp_path / "s"
        source.write_bytes(b"x" * 3_000_000)
        source.chmod(0o600)
        files.copy_durably(source, tmp_path / "d")
        assert files.sha256_of(tmp_path / "d") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
        assert (tmp_path / "d").stat().st_mode & 0o777 == 0o600


class TestRemoveTree:
    def test_says_whether_there_was_anything(self, tmp_path: Path) -> None:
        folder = tmp_path / "f"
        (folder / "g").mkdir(parents=True)
        assert files.remove_tree(folder) is True
        assert files.remove_tree(folder) is False

    def test_does_not_follow_a_link(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        kept.mkdir()
        (tmp_path / "link").symlink_to(kept)
        assert files.remove_tree(tmp_path / "link") is True
        assert kept.is_dir()


class TestSizeOf:
    def test_counts_a_tree(self, tmp_path: Path) -> None:
        (tmp_path / "f").mkdir()
        (tmp_path / "f" / "a").write_bytes(b"12")
        (tmp_path / "b").write_bytes(b"345")
        assert files.size_of(tmp_path) == 5
        assert files.size_of(tmp_path / "absent") == 0


class TestFileLock:
    def test_is_busy_while_held_and_free_after_a_kill(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        code = (
            "import sys, pathlib\nfrom agent.host.locks import file_lock\n"
            f"with file_lock(pathlib.Path({str(path)!r}), timeout_seconds=1):\n"
            "    print('held', flush=True)\n    sys.stdin.read()"
        )
        with subprocess.Popen(
            (sys.executable, "-c", code), stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(LockBusy), file_lock(path, timeout_seconds=0.05):
                pass
            holder.send_signal(signal.SIGKILL)
            holder.wait(5)
        with file_lock(path, timeout_seconds=1):
            assert path.exists()


class TestFindFreePort:
    def test_skips_taken_and_avoided_ports(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            found = find_free_port(port, avoid={port + 1})
        assert found > port + 1
