"""Commands: output, failures, time limits, hidden values."""

import sys
import time
from pathlib import Path

import pytest

from agent.host.shell import CommandFailed, run


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


class TestRun:
    def test_merges_output_and_reports_lines(self) -> None:
        lines: list[str] = []
        code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
        text = run(python(code), timeout_seconds=10, on_line=lines.append)
        assert lines == ["one", "two"]
        assert text == "one\ntwo"

    def test_feeds_more_stdin_than_a_pipe_holds(self) -> None:
        text = "x" * 300_000
        assert run(("cat",), stdin=text, timeout_seconds=10) == text

    def test_failure_tells_status_and_tail(self) -> None:
        with pytest.raises(CommandFailed) as caught:
            run(python("print('why'); raise SystemExit(3)"), timeout_seconds=10)
        assert (caught.value.returncode, caught.value.tail) == (3, "why")

    def test_missing_program_is_a_failure_too(self) -> None:
        with pytest.raises(CommandFailed, match="no-such-program"):
            run(("no-such-program",), timeout_seconds=10)

    def test_timeout_kills_the_whole_group(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        code = (
            "import subprocess, pathlib, time\n"
            "child = subprocess.Popen(['sleep', '60'])\n"
            f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))\n"
            "time.sleep(60)"
        )
        started = time.monotonic()
        with pytest.raises(CommandFailed) as caught:
            run(python(code), timeout_seconds=1)
        assert caught.value.returncode is None
        assert time.monotonic() - started < 10
        deadline = time.monotonic() + 5
        while _is_alive(int(pid_file.read_text())) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _is_alive(int(pid_file.read_text()))

    def test_hidden_values_are_nowhere(self) -> None:
        lines: list[str] = []
        with pytest.raises(CommandFailed) as caught:
            run(
                ("sh", "-c", "echo it is hunter2; exit 1", "hunter2"),
                timeout_seconds=10,
                on_line=lines.append,
                hide=("hunter2",),
            )
        assert lines == ["it is [redacted]"]
        assert "hunter2" not in str(caught.value) + caught.value.tail + repr(caught.value.argv)

    def test_environment_is_exactly_what_was_given(self) -> None:
        text = run(
            python("import os; print(os.environ.get('HOME'), os.environ['A'])"),
            env={"A": "b"},
            timeout_seconds=10,
        )
        assert text == "None b"


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
