"""Benches as containers of the host's Docker engine, which outlive the agent and come back with the engine."""

import hashlib
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import structlog

from agent.errors import AgentError
from agent.executors.port import ProgramSpec, ProgramStatus, Sample
from agent.host import files
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from agent.host.docker_images import DockerImages
from agent.host.docker_values import CONFINEMENT, Container, ContainerSpec
from agent.host.locks import file_lock

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
LOCK_SECONDS = 120.0
STOP_SECONDS = 15
"""For a container of which nobody knows better."""
SHUTDOWN_SECONDS = 45
"""At most, when the host goes down: whoever stops the agent waits no longer than a minute."""
STOPPED_AT_ONCE = 8
KEEP_SECONDS = 2.0
OWNER_LABEL = "press.agent"
ONCE_LABEL = "press.agent.once"
"""Instead of it on what runs to its end: that is kept running by nobody."""
PROGRAM_LABEL = "press.program"
SPEC_LABEL = "press.spec"
STOP_LABEL = "press.stop"
"""Seconds that it may finish what it does."""
log = structlog.get_logger(__name__)
STATUS = {
    "running": ProgramStatus.RUNNING,
    "restarting": ProgramStatus.STARTING,
    "created": ProgramStatus.STOPPED,
    # What dies is restarted by the engine; what stays down was stopped by somebody.
    "exited": ProgramStatus.STOPPED,
    "paused": ProgramStatus.STOPPED,
    "removing": ProgramStatus.STOPPED,
}


class ProgramNotInImage(AgentError):
    """A program that names no image."""

    code: ClassVar[str] = "program_invalid"
    title: ClassVar[str] = "The program cannot be run"


class DockerExecutor:
    """One container a program; its name says whose it is, a label what it was made from."""

    def __init__(self, connection: DockerConnection, data_dir: Path) -> None:
        self._docker = DockerContainers(connection)
        self._images = DockerImages(connection)
        self._owner = str(data_dir.resolve())
        self._prefix = f"press-{hashlib.sha256(self._owner.encode()).hexdigest()[:8]}"
        self._locks = data_dir.resolve() / "locks"
        self._ledger = data_dir.resolve() / "ledger.sqlite"

    def serve(self) -> None:
        """Keep all benches running that stand, and stop them when told to; killed, it leaves them running.

        The engine restarts what dies, but not what it lost by dying itself (seen with 20.10): that is started here.
        """
        signals = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        while True:
            try:
                self._keep_running()
            except AgentError as error:
                log.warning("benches.not_kept", code=error.code, error=error.message)
            if signal.sigtimedwait(signals, KEEP_SECONDS) is not None:
                break
        with ThreadPoolExecutor(STOPPED_AT_ONCE) as pool:
            # list: what could not be stopped must be told, in the log of this program.
            list(pool.map(self._stop, self._list_own()))

    def _keep_running(self) -> None:
        for container in self._list_own():
            try:
                self._keep(container)
            except AgentError as error:
                log.warning("bench.not_kept", container=container.name, code=error.code, error=error.message)

    def _keep(self, container: Container) -> None:
        if not container.directory.exists():
            # A data folder that is away as a whole comes back; a bench without its folder does not.
            if self._ledger.exists():
                log.info("bench.left_behind", container=container.name, directory=str(container.directory))
                self._docker.remove(container.name, stop_seconds=STOP_SECONDS)
        elif STATUS.get(container.state) not in {ProgramStatus.RUNNING, ProgramStatus.STARTING}:
            log.warning("bench.started_again", container=container.name, was=container.state)
            self._docker.resume(container.name)

    def serving(self) -> AbstractContextManager[None]:
        """Nothing of ours has to run for the block."""
        return nullcontext()

    def ensure_running(self, program: ProgramSpec) -> bool:
        """Start it, or replace it when its spec or its image changed. Does not wait until it answers requests."""
        spec = self._describe(program, OWNER_LABEL)
        with self._lock(program.name):
            found = self._docker.find(spec.name)
            if found is None or not self._is_current(found, spec):
                self._docker.start(spec)
                return True
            if STATUS.get(found.state) in {ProgramStatus.RUNNING, ProgramStatus.STARTING}:
                return False
            self._docker.resume(spec.name)
            return True

    def _is_current(self, found: Container, spec: ContainerSpec) -> bool:
        image = self._images.find(spec.image)
        # A tag that is gone says nothing against what runs.
        is_same_image = image is None or image.id == found.image_id
        return is_same_image and found.labels.get(SPEC_LABEL) == spec.labels[SPEC_LABEL]

    def run_once(self, program: ProgramSpec, *, timeout_seconds: float) -> str:
        """Run a program to its end in a container of its own, without a network. Raises ``command_failed``."""
        return self._docker.run_once(self._describe(program, ONCE_LABEL), timeout_seconds=timeout_seconds)

    def ensure_removed(self, name: str) -> bool:
        """Stop it and forget it."""
        with self._lock(name):
            found = self._docker.find(self._name(name))
            patience = _get_patience(found) if found is not None else STOP_SECONDS
            return self._docker.remove(self._name(name), stop_seconds=patience)

    def find_status(self, name: str) -> ProgramStatus | None:
        found = self._docker.find(self._name(name))
        return None if found is None else STATUS.get(found.state, ProgramStatus.FAILED)

    def measure(self, name: str) -> Sample:
        """What the container takes now."""
        usage = self._docker.measure(self._name(name))
        return Sample(
            memory_bytes=usage.memory_bytes,
            processor_seconds=usage.processor_seconds,
            processes=usage.processes,
        )

    def read_log(self, name: str, max_bytes: int = 8192) -> str:
        """The end of what it printed, and why it ended where it did."""
        said = self._docker.read_log(self._name(name), max_bytes)
        found = self._docker.find(self._name(name))
        return said + (_explain(found) if found is not None else "")

    def _stop(self, container: Container) -> None:
        try:
            patience = min(SHUTDOWN_SECONDS, _get_patience(container))
            self._docker.stop(container.name, stop_seconds=patience)
        except AgentError as error:
            log.warning("bench.not_stopped", container=container.name, code=error.code, error=error.message)

    def _list_own(self) -> list[Container]:
        """Those that run, or should; not one that is only being made."""
        found = self._docker.list_labelled(f"{OWNER_LABEL}={self._owner}")
        return [one for one in found if one.name == f"{self._prefix}-{one.labels.get(PROGRAM_LABEL)}"]

    def _describe(self, program: ProgramSpec, owner_label: str) -> ContainerSpec:
        if not program.image:
            raise ProgramNotInImage(f"{program.name} names no image. Nothing was started.")
        spec = ContainerSpec(
            name=self._name(program.name),
            image=program.image,
            argv=program.argv,
            directory=program.directory,
            environment=program.environment,
            # The agent and the bench write to the same files, so both are the same user.
            user=f"{os.getuid()}:{os.getgid()}",
            memory_bytes=program.memory_bytes,
            writable=program.writable,
            readable=program.readable,
            ports=program.ports,
            stop_seconds=program.stop_seconds,
        )
        text = json.dumps([CONFINEMENT, asdict(spec)], default=str, sort_keys=True)
        labels = {
            owner_label: self._owner,
            PROGRAM_LABEL: program.name,
            STOP_LABEL: str(program.stop_seconds),
            SPEC_LABEL: hashlib.sha256(text.encode()).hexdigest(),
        }
        return replace(spec, labels=labels)

    def _name(self, program: str) -> str:
        if NAME.fullmatch(program) is None:
            raise ProgramNotInImage(f"{program!r} is no name of a program. Nothing was started.")
        return f"{self._prefix}-{program}"

    def _lock(self, program: str) -> AbstractContextManager[None]:
        files.make_directory(self._locks)
        return file_lock(self._locks / f"docker-{program}.lock", timeout_seconds=LOCK_SECONDS)


def _get_patience(container: Container) -> int:
    return int(container.labels.get(STOP_LABEL, STOP_SECONDS))


def _explain(container: Container) -> str:
    """A last line for whoever reads the log of a container that does not run."""
    if container.is_out_of_memory:
        return "\n[it was killed: it needed more memory than its limit]"
    if container.state in {"exited", "dead", "restarting"}:
        return f"\n[it ended with status {container.exit_status}; restarted {container.restarts} times]"
    return ""
