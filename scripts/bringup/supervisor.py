"""Starts, asks and stops the one supervisor that runs every program of this installation."""

import http.client
import os
import subprocess
import sys
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from agent.commands.supervisord import supervisord_conf
from scripts.bringup.errors import UpError
from scripts.bringup.health import read_tail, wait_until
from scripts.bringup.orphans import end_orphans, is_alive
from scripts.bringup.state import ROOT, Paths, write_file

START_SECONDS = 60.0
"""It loads the code of all programs before it answers."""
STOP_SECONDS = 75.0
FOREIGN_PREFIXES = ("PRESS_", "SUPERVISOR_")
RUNNING = "RUNNING"


@dataclass(frozen=True)
class ProgramStatus:
    """What supervisor says of one program."""

    name: str
    state: str
    pid: int
    seconds: int
    """Since its last start."""


class Supervisor:
    """One supervisord per state folder; its programs stand in ``supervisor/conf.d/<name>.conf``."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._conf = paths.supervisor / "supervisord.conf"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def programs(self) -> Path:
        return self._paths.supervisor / "conf.d"

    def is_running(self) -> bool:
        """Whether it answers; one that is just stopping does not count, and is cleared away."""
        try:
            self._call("getState")
        except (OSError, xmlrpc.client.Fault):
            return False
        return True

    def read_code(self) -> str:
        """Fingerprint of the code that it has loaded, and with it every program that it starts."""
        return str(self._call("getIdentification"))

    def clear(self) -> int:
        """End what a killed supervisor left running, so that its ports and locks are free; how many there were."""
        if self.is_running():
            return 0
        ended = end_orphans(self._paths.state, self._paths.socket)
        if self._process:
            self._process.wait(timeout=STOP_SECONDS)
        return ended

    def start(self, code: str = "none") -> None:
        """Start it with every program, from the code with this fingerprint; it outlives this process and its terminal."""
        write_file(self._conf, supervisord_conf(self._paths.supervisor, self._paths.socket, identifier=code))
        (self._paths.supervisor / "logs").mkdir(exist_ok=True)
        log = self._paths.log / "supervisord-start.log"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)
        }
        # One heap for all threads of a program: each of its own would keep some megabytes that it does not need.
        environment["MALLOC_ARENA_MAX"] = "1"
        with log.open("w", encoding="utf-8") as stream:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.bringup.supervisord", "--configuration", str(self._conf)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: self.is_running() or process.poll() is not None, seconds=START_SECONDS)
        if not self.is_running():
            raise UpError(f"supervisor did not start; its log is {log}.", log=read_tail(log))

    def read_pid(self) -> int:
        """Process id of supervisor itself."""
        return int(self._call("getPID"))

    def stop(self) -> None:
        """Stop every program, then supervisor itself; waits until both are gone."""
        pid = self.read_pid()
        # All at once; shutdown alone stops one program after the other.
        self._call("stopAllProcesses")
        self._call("shutdown")
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=STOP_SECONDS)
        if not wait_until(lambda: not is_alive(pid), seconds=STOP_SECONDS):
            raise UpError(
                f"supervisor (pid {pid}) did not stop within {STOP_SECONDS:.0f} s; look into {self._paths.log}."
            )

    def apply(self) -> None:
        """Take up new and changed program files, and forget those that are gone."""
        ((added, changed, removed),) = self._call("reloadConfig")
        for name in (*removed, *changed):
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)

    def halt(self, name: str) -> None:
        """Stop a program; it stays so until it is revived."""
        self._try("stopProcess", name, expected=Faults.NOT_RUNNING)

    def restart(self, name: str) -> None:
        self.halt(name)
        self._try("startProcess", name, False, expected=Faults.ALREADY_STARTED)

    def revive(self) -> list[str]:
        """Start programs that gave up or were stopped; their names."""
        asleep = [
            program.name
            for program in self.list_programs()
            if program.state in {"FATAL", "STOPPED", "EXITED"}
        ]
        for name in asleep:
            self._try("startProcess", name, False, expected=Faults.ALREADY_STARTED)
        return asleep

    def list_programs(self) -> list[ProgramStatus]:
        """In the order of their names; empty when supervisor does not run."""
        try:
            found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        except OSError:
            return []
        return [
            ProgramStatus(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                seconds=info["now"] - info["start"] if info["statename"] == RUNNING else 0,
            )
            for info in sorted(found, key=lambda info: str(info["name"]))
        ]

    def _try(self, method: str, *arguments: object, expected: int) -> None:
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != expected:
                raise UpError(
                    f"supervisor refused {method}: {fault.faultString}; see {self._paths.log}."
                ) from fault

    def _call(self, method: str, *arguments: object) -> Any:
        """Raises OSError when nobody answers."""
        transport = SupervisorTransport(None, None, f"unix://{self._paths.socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except (http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise ConnectionError(str(error)) from error
        finally:
            transport.close()
