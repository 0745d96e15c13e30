"""Processes of the host: their memory, and becoming another program."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from agent.config import environment_for_children

PROC = Path("/proc")
STOP_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process and all below it take."""

    resident_bytes: int = 0
    processor_seconds: float = 0.0
    """Of those that live, and of their children that have ended."""
    count: int = 0


def measure(pid: int) -> Usage:
    """Add up a process and all below it; nothing when it is gone."""
    pages, ticks, count = 0, 0, 0
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        try:
            resident = int((PROC / str(current) / "statm").read_text("ascii").split()[1])
            spent = _read_ticks(current)
            waiting += _children(current)
        except (FileNotFoundError, ProcessLookupError):
            continue
        pages, ticks, count = pages + resident, ticks + spent, count + 1
    return Usage(
        resident_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
        processor_seconds=ticks / os.sysconf("SC_CLK_TCK"),
        count=count,
    )


def _read_ticks(pid: int) -> int:
    """User and system time of the process and of its children that have ended, proc(5)."""
    _, _, fields = (PROC / str(pid) / "stat").read_text("utf-8", errors="replace").rpartition(")")
    return sum(int(value) for value in fields.split()[11:15])


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in (PROC / str(pid) / "task").iterdir():
        found += [int(child) for child in (task / "children").read_text("ascii").split()]
    return found


def become(argv: tuple[str, ...]) -> NoReturn:
    """Replace this process by the program, with nothing of our own settings in its environment."""
    os.execvpe(argv[0], list(argv), environment_for_children())  # noqa: S606 - a fixed program of ours


@contextmanager
def running(argv: tuple[str, ...]) -> Iterator[None]:
    """Run a program for the block, with nothing of our own settings in its environment."""
    with subprocess.Popen(
        argv, env=environment_for_children(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
