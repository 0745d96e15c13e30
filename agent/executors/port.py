"""How the programs of a bench are run and kept running."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class ProgramStatus(StrEnum):
    """What the executor sees of a program."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ProgramSpec:
    """A long-running program of a bench; equal specs mean nothing to change."""

    name: str
    """``bench-<bench_id>``; letters, digits and hyphens."""
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int
    """Limit of the program's private memory; beyond it allocations fail and the program is restarted."""
    stop_seconds: int = 30
    """How long it may finish its requests before it is killed."""
    image: str = ""
    """The image that holds the program, for executors that run containers; else it stands on the host."""
    writable: tuple[Path, ...] = ()
    """Folders of the host that the program writes to; one that runs on the host has them anyway."""
    readable: tuple[Path, ...] = ()
    """Folders and files of the host that it only reads."""
    ports: tuple[int, ...] = ()
    """Ports that it listens on, to be reached at 127.0.0.1."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a program and all that it started take at one moment; nothing of it while it does not run."""

    memory_bytes: int = 0
    """Resident on the host; of a container what it cannot do without."""
    processor_seconds: float = 0.0
    """Since it was started."""
    processes: int = 0


class Executor(Protocol):
    """Runs programs, restarts those that die, survives a restart of the agent."""

    def ensure_running(self, program: ProgramSpec) -> bool:
        """Start it, or restart it when its spec changed. Does not wait until it answers requests."""

    def run_once(self, program: ProgramSpec, *, timeout_seconds: float) -> str:
        """Run a program to its end; returns what it printed. Raises ``command_failed``."""

    def ensure_removed(self, name: str) -> bool:
        """Stop it and forget it."""

    def find_status(self, name: str) -> ProgramStatus | None: ...

    def measure(self, name: str) -> Sample:
        """What the program takes now."""

    def read_log(self, name: str, max_bytes: int = 8192) -> str:
        """The end of what it printed."""
