"""Benches as programs under a supervisord of our own, which outlives the agent's API and workers."""

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, NoReturn

from agent.commands.programs import die_with_parent, limit_memory
from agent.commands.supervisord import UnwritableProgram, program_conf, supervisord_conf
from agent.errors import AgentError
from agent.executors.port import ProgramSpec, ProgramStatus, Sample
from agent.host import files, processes, shell
from agent.host.locks import file_lock
from agent.host.supervisord import ExecutorUnreachable, SupervisorClient

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
LONGEST_SOCKET = 100
"""Unix sockets have room for 107 characters of path, and supervisord adds its process id while it opens one."""
LOCK_SECONDS = 60.0
START_SECONDS = 20.0
STATUS = {
    "RUNNING": ProgramStatus.RUNNING,
    "STARTING": ProgramStatus.STARTING,
    "BACKOFF": ProgramStatus.STARTING,
    "EXITED": ProgramStatus.STARTING,
    "STOPPING": ProgramStatus.STOPPED,
    "STOPPED": ProgramStatus.STOPPED,
}


class ProgramInvalid(AgentError):
    """A program that the supervisor cannot be told."""

    code: ClassVar[str] = "program_invalid"
    title: ClassVar[str] = "The program cannot be run"


class ProcessExecutor:
    """Writes one file per program and lets supervisord converge to the files."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = (data_dir / "executor").resolve()
        self._socket = _socket_path(self._folder)
        self._client = SupervisorClient(self._socket)

    def serve(self) -> NoReturn:
        """Become the supervisord that runs every program that stands in the files."""
        processes.become(self._prepare())

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Have a supervisord for the block: the one that runs, or else one that ends with the block."""
        if self.is_reachable():
            yield
            return
        with processes.running(self._prepare()):
            give_up = time.monotonic() + START_SECONDS
            while not self.is_reachable() and time.monotonic() < give_up:
                time.sleep(0.02)
            yield

    def _prepare(self) -> tuple[str, ...]:
        self._make_folders()
        files.make_directory(self._socket.parent, 0o700)
        conf = self._folder / "supervisord.conf"
        files.write_atomic(conf, supervisord_conf(self._folder, self._socket))
        return (sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(conf))

    def is_reachable(self) -> bool:
        """Say whether the supervisord answers."""
        try:
            self.find_status("none")
        except ExecutorUnreachable:
            return False
        return True

    def ensure_running(self, program: ProgramSpec) -> bool:
        """Start it, or restart it when its spec changed. Does not wait until it answers requests."""
        self._check_name(program.name)
        text = self._render(program)
        self._make_folders()
        conf = self._conf(program.name)
        with self._lock():
            if not conf.exists() or conf.read_text("utf-8") != text:
                files.write_atomic(conf, text)
            fresh, _ = self._client.reload()
            if program.name in fresh:
                self._client.remove(program.name)
                self._client.add(program.name)
                return True
            if self.find_status(program.name) in {ProgramStatus.RUNNING, ProgramStatus.STARTING}:
                return False
            self._client.start(program.name)
            return True

    def run_once(self, program: ProgramSpec, *, timeout_seconds: float) -> str:
        """Run a program to its end, outside the supervisor; returns what it printed. Raises ``command_failed``."""
        return shell.run(
            program.argv,
            cwd=program.directory,
            env=program.environment,
            timeout_seconds=timeout_seconds,
        )

    def ensure_removed(self, name: str) -> bool:
        """Stop it and forget it."""
        self._check_name(name)
        self._make_folders()
        with self._lock():
            had_file = files.remove_tree(self._conf(name))
            was_known = self._client.remove(name)
            self._client.reload()
            for log in (self._log(name), self._log(name).with_suffix(".log.1")):
                files.remove_tree(log)
        return had_file or was_known

    def find_status(self, name: str) -> ProgramStatus | None:
        info = self._client.find_info(name)
        return None if info is None else STATUS.get(info["statename"], ProgramStatus.FAILED)

    def measure(self, name: str) -> Sample:
        """What the program takes now."""
        info = self._client.find_info(name)
        if info is None or not info["pid"]:
            return Sample()
        usage = processes.measure(info["pid"])
        return Sample(
            memory_bytes=usage.resident_bytes,
            processor_seconds=usage.processor_seconds,
            processes=usage.count,
        )

    def read_log(self, name: str, max_bytes: int = 8192) -> str:
        """The end of what it printed."""
        self._check_name(name)
        try:
            with self._log(name).open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - max_bytes))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _render(self, program: ProgramSpec) -> str:
        try:
            return program_conf(
                name=program.name,
                argv=die_with_parent(limit_memory(program.memory_bytes, program.argv)),
                directory=program.directory,
                environment=program.environment,
                log_file=self._log(program.name),
                stop_seconds=program.stop_seconds,
            )
        except UnwritableProgram as error:
            raise ProgramInvalid(f"{program.name}: {error}. Nothing was started.") from error

    def _check_name(self, name: str) -> None:
        if NAME.fullmatch(name) is None:
            raise ProgramInvalid(f"{name!r} is no name of a program. Nothing was started.")

    def _lock(self) -> AbstractContextManager[None]:
        return file_lock(self._folder / "lock", timeout_seconds=LOCK_SECONDS)

    def _conf(self, name: str) -> Path:
        return self._folder / "conf.d" / f"{name}.conf"

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    def _make_folders(self) -> None:
        for folder in ("conf.d", "logs"):
            files.make_directory(self._folder / folder)


def _socket_path(folder: Path) -> Path:
    """Choose a place for the socket that is short enough: beside the files, else in a private folder in /tmp."""
    wanted = folder / "supervisor.sock"
    if len(str(wanted)) <= LONGEST_SOCKET:
        return wanted
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(f"/tmp/press-agent-{os.getuid()}-{digest}/supervisor.sock")  # noqa: S108 - made with mode 0700 below
