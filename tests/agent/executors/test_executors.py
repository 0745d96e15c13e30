"""One class of tests over every executor, and what only real processes can show."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.executors.fake import FakeExecutor
from agent.executors.port import Executor, ProgramSpec, ProgramStatus
from agent.executors.process import ProcessExecutor
from tests.agent.support import benches, wait_until

MIB = 1 << 20
CODE = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {os.environ.get('COLOUR')}")
print("100% up; it runs", flush=True)
time.sleep(600)
"""


def make_program(folder: Path, **overrides: object) -> ProgramSpec:
    script = folder / "program.py"
    script.write_text(CODE)
    spec = ProgramSpec(
        name="bench-1",
        argv=(sys.executable, str(script), str(folder / "pid")),
        directory=folder,
        environment={"COLOUR": "bl'ue, 100%"},
        memory_bytes=200 * MIB,
        stop_seconds=5,
    )
    return replace(spec, **overrides)  # type: ignore[arg-type]


@pytest.fixture(params=["process", "fake"])
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    if request.param == "fake":
        yield FakeExecutor()
        return
    with benches(tmp_path / "agent"):
        yield ProcessExecutor(tmp_path / "agent")


class TestExecutor:
    def test_runs_once_restarts_on_change_and_forgets(self, executor: Executor, tmp_path: Path) -> None:
        program = make_program(tmp_path)
        assert executor.find_status("bench-1") is None
        assert executor.ensure_running(program) is True
        wait_until(lambda: executor.find_status("bench-1") is ProgramStatus.RUNNING)
        assert executor.ensure_running(program) is False
        assert executor.measure("bench-1").memory_bytes > MIB
        assert executor.ensure_running(make_program(tmp_path, memory_bytes=300 * MIB)) is True
        assert executor.ensure_removed("bench-1") is True
        assert executor.ensure_removed("bench-1") is False
        assert executor.find_status("bench-1") is None
        assert executor.measure("bench-1").memory_bytes == 0
        assert executor.read_log("bench-1") == ""


class TestProcessExecutor:
    def start(self, tmp_path: Path) -> tuple[ProcessExecutor, int]:
        executor = ProcessExecutor(tmp_path / "agent")
        executor.ensure_running(make_program(tmp_path))
        return executor, self.wait_for_pid(tmp_path)

    def wait_for_pid(self, tmp_path: Path, other_than: int = 0) -> int:
        def read() -> int:
            path = tmp_path / "pid"
            return int(path.read_text().split()[0]) if path.exists() and path.read_text() else 0

        wait_until(lambda: read() not in {0, other_than}, what="the program did not start")
        return read()

    def test_passes_environment_limit_and_log(self, tmp_path: Path) -> None:
        with benches(tmp_path / "agent"):
            executor, pid = self.start(tmp_path)
            assert (tmp_path / "pid").read_text() == f"{pid} bl'ue, 100%"
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert f"{200 * MIB}" in next(
                line for line in limits.splitlines() if line.startswith("Max data size")
            )
            wait_until(lambda: "100% up; it runs" in executor.read_log("bench-1"))
            assert executor.read_log("bench-1", 5) == "runs\n"

    def test_a_program_that_dies_comes_back(self, tmp_path: Path) -> None:
        with benches(tmp_path / "agent"):
            _, pid = self.start(tmp_path)
            os.kill(pid, signal.SIGKILL)
            assert self.wait_for_pid(tmp_path, other_than=pid) != pid

    def test_a_killed_supervisor_leaves_no_orphans_and_starts_all_again(self, tmp_path: Path) -> None:
        with benches(tmp_path / "agent") as supervisor:
            executor, pid = self.start(tmp_path)
            supervisor.kill()
            supervisor.wait(5)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the program outlived its supervisor")
            with pytest.raises(AgentError) as caught:
                executor.find_status("bench-1")
            assert caught.value.code == "executor_unreachable"
        with benches(tmp_path / "agent"):
            assert self.wait_for_pid(tmp_path, other_than=pid) != pid
            assert executor.ensure_running(make_program(tmp_path)) is False

    @pytest.mark.parametrize("name", ["", "../x", "A", "a b", "a\n"])
    def test_refuses_names_that_lead_elsewhere(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(AgentError) as caught:
            ProcessExecutor(tmp_path).ensure_running(make_program(tmp_path, name=name))
        assert caught.value.code == "program_invalid"

    @pytest.mark.parametrize("argument", ["a\nb", "a ; b", "a # b"])
    def test_refuses_what_the_file_cannot_hold(self, tmp_path: Path, argument: str) -> None:
        with pytest.raises(AgentError) as caught:
            ProcessExecutor(tmp_path).ensure_running(make_program(tmp_path, argv=("echo", argument)))
        assert caught.value.code == "program_invalid"

    @pytest.mark.parametrize("variables", [{"A": 'b"c'}, {"A": "'b"}, {"A B": "c"}, {"A": "b\nc"}])
    def test_refuses_variables_that_the_file_cannot_hold(
        self, tmp_path: Path, variables: dict[str, str]
    ) -> None:
        with pytest.raises(AgentError) as caught:
            ProcessExecutor(tmp_path).ensure_running(make_program(tmp_path, environment=variables))
        assert caught.value.code == "program_invalid"
