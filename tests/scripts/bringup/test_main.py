"""The command itself: arguments, refusals, and what it says when something stops it."""

import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from scripts.bringup.__main__ import explain_os_error, main, parse_arguments
from scripts.bringup.report import format_seconds, print_addresses
from scripts.bringup.state import ROOT, Paths, Record, hold_lock, save_record


class TestArguments:
    def test_ports_are_named(self) -> None:
        assert parse_arguments(["--port", "edge=80", "--port", "redis=7000"]).port == [
            ("edge", 80),
            ("redis", 7000),
        ]

    @pytest.mark.parametrize(
        "text", ["edge", "edge=", "edge=0", "edge=65536", "edge=-1", "other=80", "edge=²"]
    )
    def test_a_wrong_port_is_refused(self, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse_arguments(["--port", text])
        assert "is not NAME=PORT" in capsys.readouterr().err


class TestStatus:
    def test_nothing_runs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--status", "--state", str(tmp_path)]) == 1
        assert "Nothing runs here" in capsys.readouterr().err

    def test_json_is_alone_on_standard_output(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        save_record(Paths(tmp_path), Record(urls={"edge": "http://127.0.0.1:8000"}))
        assert main(["--status", "--json", "--state", str(tmp_path)]) == 1
        answer = json.loads(capsys.readouterr().out)
        assert (answer["running"], answer["urls"]["edge"]) == (False, "http://127.0.0.1:8000")


class TestDownAndReset:
    def test_down_without_anything_is_no_error(self, tmp_path: Path) -> None:
        assert main(["--down", "--state", str(tmp_path)]) == 0

    def test_reset_erases_what_is_ours_only(self, tmp_path: Path) -> None:
        Paths(tmp_path).make()
        (tmp_path / "press" / "press.db").touch()
        (tmp_path / "holiday.jpg").touch()
        assert main(["--reset", "--yes", "--state", str(tmp_path)]) == 0
        assert {path.name for path in tmp_path.iterdir()} == {"holiday.jpg", "up.lock"}

    def test_reset_without_a_terminal_wants_a_yes(self, tmp_path: Path) -> None:
        Paths(tmp_path).make()
        command = [sys.executable, "-m", "scripts.bringup", "--reset", "--state", str(tmp_path)]
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "nothing was erased" in done.stderr
        assert (tmp_path / "secrets").is_dir()


class TestRefusals:
    def test_two_at_once(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with hold_lock(Paths(tmp_path)):
            assert main(["--state", str(tmp_path)]) == 1
        assert "another up is at work" in capsys.readouterr().err

    def test_a_full_disk_is_one_sentence(self) -> None:
        said = explain_os_error(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
        assert "No space left on device (/data/x)" in said
        assert "run up again" in said


def test_an_address_is_never_cut() -> None:
    out = io.StringIO()
    link = "http://demo.localhost:8000/-/login#" + "x" * 200
    print_addresses(Console(file=out, width=40), {"Log in": link, "Longer name": "y"})
    assert f"Log in       {link}\n" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7300, "2 h"), (200_000, "2 days")]
)
def test_ages_are_short(seconds: int, text: str) -> None:
    assert format_seconds(seconds) == text
