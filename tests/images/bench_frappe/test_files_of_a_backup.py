"""What of a site's files goes into a backup, and what of a backup comes back."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.agent.support import ROOT

PROGRAM = ROOT / "images" / "bench-frappe"
PACK = """
import sys, tarfile
from pathlib import Path
from bench_frappe.backup import _add_files
with tarfile.open(sys.argv[2], "w") as archive:
    for name in ("public", "private"):
        _add_files(archive, Path(sys.argv[1]), name)
"""
UNPACK = """
import sys, tarfile
from pathlib import Path
from bench_frappe.restore import _unpack
root = Path(sys.argv[2])
with tarfile.open(sys.argv[1]) as archive:
    for entry in archive:
        _unpack(archive, entry, root / entry.name.removeprefix("files/"), root)
"""


def run(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROGRAM)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=30)


def test_plain_files_alone_and_not_frappes_own_backups(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name in ("public/files", "private/files", "private/backups"):
        (site / name).mkdir(parents=True)
        (site / name / "a.txt").write_text(name)
    os.mkfifo(site / "public" / "files" / "pipe")
    (site / "public" / "files" / "link").symlink_to("/etc/passwd")
    assert run(PACK, site, tmp_path / "backup.tar").stderr == ""
    with tarfile.open(tmp_path / "backup.tar") as archive:
        assert sorted(archive.getnames()) == ["files/private/files/a.txt", "files/public/files/a.txt"]
    assert run(UNPACK, tmp_path / "backup.tar", tmp_path / "back").returncode == 0
    assert (tmp_path / "back" / "private" / "files" / "a.txt").read_text() == "private/files"


@pytest.mark.parametrize("kind", ["up", "link"])
def test_nothing_comes_back_elsewhere(tmp_path: Path, kind: str) -> None:
    entry = tarfile.TarInfo("files/../escaped" if kind == "up" else "files/link")
    if kind == "link":
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        archive.addfile(entry, io.BytesIO())
    (tmp_path / "back").mkdir()
    done = run(UNPACK, tmp_path / "evil.tar", tmp_path / "back")
    assert "no site of ours makes" in done.stderr
    assert not (tmp_path / "escaped").exists()
    assert list((tmp_path / "back").iterdir()) == []
