"""The supervisor, for real: started once, programs added, restarted, given up and revived, all gone in the end."""

import os
import signal
import sys
from pathlib import Path

import pytest

from scripts.bringup.files import format_program
from scripts.bringup.health import wait_until
from scripts.bringup.orphans import is_alive, list_orphans
from scripts.bringup.programs import Program
from scripts.bringup.state import Paths, write_file
from scripts.bringup.supervisor import ProgramStatus, Supervisor


def define(paths: Paths, name: str, *code: str) -> None:
    script = paths.state / f"{name}.py"
    script.write_text("\n".join(code), encoding="utf-8")
    program = Program(name, (sys.executable, str(script)))
    write_file(paths.supervisor / "conf.d" / f"{name}.conf", format_program(program, paths))


def define_sleeper(paths: Paths, name: str, seconds: int = 600) -> None:
    script = paths.state / "sleep.py"
    script.write_text("import sys, time; time.sleep(int(sys.argv[1]))", encoding="utf-8")
    program = Program(name, (sys.executable, str(script), str(seconds)))
    write_file(paths.supervisor / "conf.d" / f"{name}.conf", format_program(program, paths))


def find_program(supervisor: Supervisor, name: str) -> ProgramStatus | None:
    return next((program for program in supervisor.list_programs() if program.name == name), None)


def wait_for(supervisor: Supervisor, name: str, state: str) -> ProgramStatus:
    def is_there() -> bool:
        found = find_program(supervisor, name)
        return found is not None and found.state == state

    assert wait_until(is_there, seconds=20), supervisor.list_programs()
    found = find_program(supervisor, name)
    assert found is not None
    return found


class TestSupervisor:
    def test_nothing_runs_before_the_start(self, supervisor: Supervisor) -> None:
        assert supervisor.is_running() is False
        assert supervisor.list_programs() == []

    def test_programs_run_and_are_gone_after_stop(self, paths: Paths, supervisor: Supervisor) -> None:
        define_sleeper(paths, "one")
        supervisor.start()
        pid = wait_for(supervisor, "one", "RUNNING").pid
        assert Path(f"/proc/{pid}").exists()
        supervisor.stop()
        assert not Path(f"/proc/{pid}").exists()
        assert supervisor.is_running() is False

    def test_new_changed_and_removed_programs_are_taken_up(
        self, paths: Paths, supervisor: Supervisor
    ) -> None:
        for name in ("same", "changed", "removed"):
            define_sleeper(paths, name)
        supervisor.start()
        before = {name: wait_for(supervisor, name, "RUNNING").pid for name in ("same", "changed", "removed")}
        define_sleeper(paths, "changed", 700)
        define_sleeper(paths, "new")
        (paths.supervisor / "conf.d" / "removed.conf").unlink()
        supervisor.apply()
        assert wait_for(supervisor, "same", "RUNNING").pid == before["same"]
        assert wait_for(supervisor, "changed", "RUNNING").pid != before["changed"]
        wait_for(supervisor, "new", "RUNNING")
        assert find_program(supervisor, "removed") is None

    def test_it_says_which_code_it_has_loaded(self, paths: Paths, supervisor: Supervisor) -> None:
        supervisor.start("1a2b3c")
        assert supervisor.read_code() == "1a2b3c"
        assert Supervisor(paths).read_code() == "1a2b3c"

    def test_one_that_is_just_stopping_does_not_count(self, paths: Paths, supervisor: Supervisor) -> None:
        define(
            paths,
            "stubborn",
            "import signal, time",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "print('ready', flush=True)",
            "time.sleep(600)",
        )
        supervisor.start()
        log = paths.log / "stubborn.log"
        assert wait_until(lambda: log.exists() and "ready" in log.read_text(encoding="utf-8"), seconds=20)
        supervisor._call("shutdown")
        assert wait_until(lambda: not supervisor.is_running(), seconds=5)
        assert supervisor.clear() >= 1
        assert list_orphans(paths.state, paths.socket) == []

    def test_restart_gives_a_new_process(self, paths: Paths, supervisor: Supervisor) -> None:
        define_sleeper(paths, "one")
        supervisor.start()
        before = wait_for(supervisor, "one", "RUNNING").pid
        supervisor.restart("one")
        assert wait_for(supervisor, "one", "RUNNING").pid != before

    def test_what_has_ended_is_revived(self, paths: Paths, supervisor: Supervisor) -> None:
        define_sleeper(paths, "one")
        supervisor.start()
        wait_for(supervisor, "one", "RUNNING")
        assert supervisor.revive() == []
        supervisor._call("stopProcess", "one")
        assert supervisor.revive() == ["one"]
        wait_for(supervisor, "one", "RUNNING")

    def test_the_shells_settings_do_not_leak_in(
        self, paths: Paths, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PRESS_LEAKED", "yes")
        define(paths, "one", "import os, time", "print(sorted(os.environ), flush=True)", "time.sleep(600)")
        supervisor.start()
        wait_for(supervisor, "one", "RUNNING")
        log = paths.log / "one.log"
        assert wait_until(lambda: "PATH" in log.read_text(encoding="utf-8"), seconds=10)
        assert "PRESS_LEAKED" not in log.read_text(encoding="utf-8")

    def test_what_a_killed_supervisor_left_is_ended(self, paths: Paths, supervisor: Supervisor) -> None:
        define_sleeper(paths, "one")
        supervisor.start()
        pid = wait_for(supervisor, "one", "RUNNING").pid
        assert supervisor.clear() == 0
        os.kill(supervisor._call("getPID"), signal.SIGKILL)
        assert wait_until(lambda: not supervisor.is_running(), seconds=10)
        assert is_alive(pid)
        assert list_orphans(paths.state.with_name("other"), paths.socket.with_name("other")) == []
        assert supervisor.clear() == 1
        assert not is_alive(pid)
        supervisor.start()
        wait_for(supervisor, "one", "RUNNING")

    def test_a_supervisor_that_does_not_answer_is_ended_with_its_children(
        self, paths: Paths, supervisor: Supervisor
    ) -> None:
        define_sleeper(paths, "one")
        supervisor.start()
        pid = wait_for(supervisor, "one", "RUNNING").pid
        paths.socket.unlink()
        assert supervisor.is_running() is False
        assert len(list_orphans(paths.state, paths.socket)) == 2
        assert supervisor.clear() >= 2
        assert not is_alive(pid)
