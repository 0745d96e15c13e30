"""The runner: what it reads, and how exemptions work."""

import subprocess
from pathlib import Path

from scripts.linters.run import ROOT, apply_exemptions, load_exemptions, load_project
from scripts.linters.source import Finding, list_files, read_sources

MAX_EXEMPTIONS = 0
"""Lower it when an exemption goes; it is never raised."""

FINDING = Finding(path="a.py", line=3, rule="size", message="too long", subject="a.py::f")


class TestApplyExemptions:
    def test_an_exempted_finding_is_not_reported(self) -> None:
        assert apply_exemptions([FINDING], {("size", "a.py::f")}) == []

    def test_an_exemption_of_another_rule_does_not_count(self) -> None:
        assert FINDING in apply_exemptions([FINDING], {("place", "a.py::f")})

    def test_an_exemption_without_a_finding_is_a_finding(self) -> None:
        (stale,) = apply_exemptions([], {("size", "a.py::f")})
        assert stale.rule == "stale-exemption"

    def test_the_list_only_shrinks(self) -> None:
        assert len(load_exemptions(ROOT)) <= MAX_EXEMPTIONS


class TestReadSources:
    def test_without_git_build_output_is_skipped(self, tmp_path: Path) -> None:
        for name in ("kept.py", ".venv/lib.py", "var/log.txt", "picture.png"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("x", encoding="utf-8")
        assert [source.path for source in read_sources(tmp_path)] == ["kept.py"]

    def test_with_git_ignored_files_are_skipped(self, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        (tmp_path / ".gitignore").write_text("ignored.py\n", encoding="utf-8")
        (tmp_path / "ignored.py").touch()
        (tmp_path / "new.py").touch()
        assert list_files(tmp_path) == [".gitignore", "new.py"]

    def test_the_project_sees_itself(self) -> None:
        paths = {source.path for source in load_project(ROOT).sources}
        assert {"scripts/linters/run.py", "pyproject.toml", "scripts/lock"} <= paths
