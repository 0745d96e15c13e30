"""The machine's plug is pulled: every process dies at the same moment, then somebody says up."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

from scripts.bringup.orphans import list_orphans
from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.e2e.platform import Platform, run_up

ROUNDS = 4


def run(platform: Platform, crew: Crew, *, quick: bool) -> Iterator[Ending]:
    """In the middle of rounds, so that each operation is hit."""
    for number in range(1, (2 if quick else ROUNDS) + 1):
        yield from endure(crew, f"plug pulled ({number})", lambda: pull(platform))


def pull(platform: Platform) -> None:
    """Kill everything of the installation, supervisors and benches included, then bring it up again."""
    while pids := list_orphans(platform.paths.state, platform.paths.socket):
        # Stopped first, so that none of them sees another die and reacts to it, as in a power cut.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
    run_up(platform.paths, "--no-demo")
    platform.wait_healthy()
