"""Programs that are forked from supervisor behave like programs that an interpreter was started for."""

import os
import pkgutil
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import requests
import typer

from scripts.bringup.files import format_program
from scripts.bringup.health import wait_until
from scripts.bringup.orphans import is_alive, list_orphans
from scripts.bringup.programs import WITH_ENV, Program
from scripts.bringup.state import ROOT, Paths, write_file
from scripts.bringup.supervisor import Supervisor
from scripts.bringup.supervisord import read_arguments, read_command
from tests.factories.processes import free_port

SECONDS = 30
SERVER = "agent-api"
LEFT_OUT = re.compile(
    r"\.(__main__|fake|migrations|conformance|sandbox|probe)(\.|$)|^press_app\.cli\.(demo|api_client|watching|local)"
)
"""What no program of the platform imports while it runs: commands, stand-ins, migrations."""


def define(paths: Paths, name: str, *words: str, env: str = "") -> None:
    """A program of ours, of the module and the arguments in ``words``, with the variables in ``env``."""
    env_file = f"{name}.env"
    write_file(paths.env / env_file, env)
    program = Program(name, (sys.executable, "-m", *words), env_file=env_file)
    write_file(paths.supervisor / "conf.d" / f"{name}.conf", format_program(program, paths))


def define_server(paths: Paths) -> str:
    """A program that serves until it is told to stop; its address."""
    port = free_port()
    env = f"""# a remark
PRESS_AGENT_PORT={port}
PRESS_AGENT_DATA_DIR={paths.state / "agent"}
PRESS_AGENT_REDIS_URL=redis://:canary=of-the-agent@127.0.0.1:{free_port()}/0
"""
    define(paths, SERVER, "agent.cli", "run", "api", env=env)
    return f"http://127.0.0.1:{port}"


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


def find_pid(supervisor: Supervisor, name: str = SERVER) -> int:
    return next(status.pid for status in supervisor.list_programs() if status.name == name)


def is_gone(pid: int) -> bool:
    return not is_alive(pid)


def read_log(paths: Paths, name: str) -> str:
    log = paths.log / f"{name}.log"
    return log.read_text("utf-8") if log.exists() else ""


def read_journal(paths: Paths) -> str:
    """What supervisor itself has to tell."""
    return (paths.supervisor / "supervisord.log").read_text("utf-8")


class TestForkedProgram:
    def test_it_serves_with_its_settings_and_stops_when_asked(
        self, paths: Paths, supervisor: Supervisor
    ) -> None:
        url = define_server(paths)
        supervisor.start()
        assert wait_until(lambda: answers(url), seconds=SECONDS), read_log(paths, SERVER)
        supervisor.halt(SERVER)
        assert not answers(url)
        # uvicorn ends by the signal that it was stopped with, once it has closed everything.
        assert f"stopped: {SERVER} (terminated by SIGTERM)" in read_journal(paths)

    def test_it_is_a_fork_that_ps_can_tell(self, paths: Paths, supervisor: Supervisor) -> None:
        url = define_server(paths)
        supervisor.start()
        assert wait_until(lambda: answers(url), seconds=SECONDS)
        process = Path(f"/proc/{find_pid(supervisor)}")
        title = (process / "cmdline").read_bytes().rstrip(b"\0").decode()
        assert title == f"{SERVER}: agent.cli run api of unix://{paths.socket}"
        # What it is trusted with does not stand where other users of the machine could read it.
        assert b"canary" not in (process / "environ").read_bytes()
        # An interpreter of its own would share its files only, and have written to all the rest by itself.
        rollup = (process / "smaps_rollup").read_text("utf-8")
        shared = re.search(r"^Shared_Dirty:\s+(\d+) kB", rollup, re.MULTILINE)
        assert shared is not None
        assert int(shared[1]) > 20_000

    def test_it_dies_of_what_a_program_dies_of(self, paths: Paths, supervisor: Supervisor) -> None:
        url = define_server(paths)
        supervisor.start()
        assert wait_until(lambda: answers(url), seconds=SECONDS)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            pid = find_pid(supervisor)
            os.kill(pid, number)
            assert wait_until(partial(is_gone, pid), seconds=SECONDS), number
            assert wait_until(lambda: answers(url), seconds=SECONDS), number
            assert find_pid(supervisor) != pid

    def test_what_a_killed_supervisor_left_is_found(self, paths: Paths, supervisor: Supervisor) -> None:
        url = define_server(paths)
        supervisor.start()
        assert wait_until(lambda: answers(url), seconds=SECONDS)
        pid = find_pid(supervisor)
        os.kill(supervisor.read_pid(), signal.SIGKILL)
        assert wait_until(lambda: not supervisor.is_running(), seconds=SECONDS)
        assert list_orphans(paths.state, paths.socket) == [pid]
        assert list_orphans(paths.state, paths.socket.with_name("other")) == []
        assert supervisor.clear() == 1
        assert not is_alive(pid)


class TestEnds:
    @pytest.mark.parametrize(
        ("words", "status", "said"),
        [
            (("press_app.cli", "--help"), 0, "Run and operate the control plane"),
            (("press_app.cli", "no-such-word"), 2, "No such command"),
            (("billing_bridge.cli", "db", "upgrade"), 2, "Nothing was started"),
            (("billing_bridge.cli", "run", "worker"), 2, "Nothing was started"),
            (("agent.cli", "run", "worker", "--queues", "nonsense"), 2, "choose from"),
            (("agent.cli", "run", "worker", "--number", "many"), 2, "Invalid value for '--number'"),
            (("agent.nowhere",), 1, "No module named agent.nowhere"),
        ],
    )
    def test_output_and_status_are_the_programs(
        self, paths: Paths, supervisor: Supervisor, words: tuple[str, ...], status: int, said: str
    ) -> None:
        define(paths, "one", *words, env="PRESS_BRIDGE_LEASE_SECONDS=never\n")
        supervisor.start()
        assert wait_until(lambda: said.lower() in read_log(paths, "one").lower(), seconds=SECONDS), read_log(
            paths, "one"
        )
        ended = f"exited: one (exit status {status};"
        assert wait_until(lambda: ended in read_journal(paths), seconds=SECONDS), read_journal(paths)


def test_arguments_are_read_once_and_not_again_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them again would cost each program 3 to 5 MB; what is read later comes from ``sys.argv``."""
    go = read_arguments("agent.cli", ["run", "worker", "--queues", "nonsense"])
    monkeypatch.setattr(sys, "argv", ["agent.cli", "no-such-word"])
    with pytest.raises(typer.BadParameter, match="nonsense"):
        go()


def test_nothing_of_ours_is_left_to_be_read_from_the_disk_later() -> None:
    """What a program imported after an update would not fit what its supervisor had loaded before."""
    code = "import sys; from scripts.bringup.supervisord import load; load(); print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    ours = {
        module.name
        for package in ("press_app", "agent", "billing_bridge")
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    }
    assert done.stderr == ""
    assert {name for name in ours - loaded if not LEFT_OUT.search(name)} == set()
    assert not any(name.split(".")[0] == "rich" for name in loaded)


def test_variables_of_env_files_are_read_as_with_env_sets_them(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    outer.write_text("A=1\nB=x y = z\n\n# C=3\nD=", "utf-8")
    inner.write_text("A=2\n", "utf-8")
    argv = [str(WITH_ENV), str(outer), str(WITH_ENV), str(inner), "program", "word"]
    assert read_command(argv) == ({"A": "2", "B": "x y = z", "D": ""}, ["program", "word"])
    assert ROOT in WITH_ENV.parents
