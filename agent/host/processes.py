"""Processes of the host: their memory, and becoming another program."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from agent.config import environment_for_children

PROC = Path("/proc")
STOP_SECONDS = 60.0


def resident_bytes(pid: int) -> int:
    """Return the resident bytes of a process and all below it; 0 when it is gone."""
    total = 0
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        try:
            pages = int((PROC / str(current) / "statm").read_text("ascii").split()[1])
            waiting += _children(current)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += pages * os.sysconf("SC_PAGE_SIZE")
    return total


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
