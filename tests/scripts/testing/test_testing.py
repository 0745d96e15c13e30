"""The test command's own parts: the private MariaDB, the notes of each test, and the summary."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url

from scripts.bringup.health import accepts_tcp
from scripts.bringup.state import ROOT
from scripts.testing.groups import VARIABLE
from scripts.testing.mariadb import find_programs, run_mariadb
from scripts.testing.summary import (
    Outcome,
    last_of_each,
    list_holes,
    list_unsteady,
    read_outcomes,
    summarise,
)

SUITE = """
import pytest

def test_passes(): pass

@pytest.mark.redis
def test_in_a_group(): pass

@pytest.mark.mariadb
def test_skips(): pytest.skip("no server")

@pytest.mark.skip(reason="not today")
def test_is_skipped(): pass

def test_fails(): assert 1 == 2

@pytest.fixture
def broken(): raise ValueError

def test_cannot_start(broken): pass
"""


def run_suite(tmp_path: Path, *arguments: str) -> dict[str, Outcome]:
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE, encoding="utf-8")
    notes = tmp_path / "notes.jsonl"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "scripts.testing.groups",
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    subprocess.run(
        [*command, *arguments, str(suite)],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(notes)},
        check=False,
        capture_output=True,
        timeout=100,
    )
    return {outcome.test.rpartition("::")[2]: outcome for outcome in read_outcomes(notes)}


class TestNotes:
    @pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "two workers"])
    def test_each_test_is_noted_once_with_its_groups(
        self, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        found = run_suite(tmp_path, *arguments)
        assert {name: (o.outcome, o.groups, o.reason) for name, o in found.items()} == {
            "test_passes": ("passed", (), ""),
            "test_in_a_group": ("passed", ("redis",), ""),
            "test_skips": ("skipped", ("mariadb",), "no server"),
            "test_is_skipped": ("skipped", (), "not today"),
            "test_fails": ("failed", (), ""),
            "test_cannot_start": ("failed", (), ""),
        }


class TestSummary:
    OUTCOMES = (
        Outcome("a", "passed", (), ""),
        Outcome("b", "passed", ("redis",), ""),
        Outcome("c", "skipped", ("mariadb",), "no server"),
        Outcome("d", "failed", ("mariadb",), ""),
    )

    def test_counts_skips_with_their_reasons(self) -> None:
        lines = summarise(self.OUTCOMES)
        assert lines[0] == "2 passed, 1 failed, 1 skipped"
        assert lines[1].split() == ["skipped", "1:", "no", "server"]
        assert any(line.split() == ["group", "mariadb", ":", "1", "of", "2", "ran"] for line in lines)

    def test_a_hole_is_a_skip_or_an_empty_group(self) -> None:
        assert list_holes(self.OUTCOMES, ["redis"]) == []
        assert list_holes(self.OUTCOMES, ["mariadb", "browser"]) == [
            "mariadb: 1 of 2 skipped (no server)",
            "browser: no test of this group was found",
        ]

    @pytest.mark.parametrize(("skipped", "holes"), [(5, 0), (6, 1)])
    def test_single_cases_may_be_skipped(self, skipped: int, holes: int) -> None:
        members = [Outcome("r", "passed", ("redis",), "")] * (100 - skipped)
        members += [Outcome("s", "skipped", ("redis",), "not on this one")] * skipped
        assert len(list_holes(members, ["redis"])) == holes

    def test_no_file_is_no_outcome(self, tmp_path: Path) -> None:
        assert read_outcomes(tmp_path / "none") == []


@pytest.mark.mariadb
@pytest.mark.skipif(find_programs() is None, reason="mariadbd is not installed")
class TestMariaDB:
    def test_it_serves_and_is_gone_afterwards(self, tmp_path: Path) -> None:
        with run_mariadb(tmp_path / "db") as text:
            url = make_url(text)
            assert url.host == "127.0.0.1"
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(sql("CREATE DATABASE one CHARACTER SET utf8mb4"))
                assert connection.scalar(sql("SELECT @@bind_address")) == "127.0.0.1"
            engine.dispose()
        assert not (tmp_path / "db").exists()
        assert accepts_tcp(url.port or 0) is False


class TestUnsteady:
    def make(self, *ends: tuple[str, str]) -> list[Outcome]:
        return [Outcome(test, end, (), "") for test, end in ends]

    def test_names_what_passed_only_the_second_time(self) -> None:
        found = self.make(("a", "failed"), ("b", "passed"), ("c", "failed"), ("a", "passed"), ("c", "failed"))
        assert list_unsteady(found) == ["a"]

    def test_the_last_end_counts(self) -> None:
        found = self.make(("a", "failed"), ("b", "passed"), ("a", "passed"))
        assert summarise(last_of_each(found))[0] == "2 passed, 0 failed, 0 skipped"
