"""The disk of the agent's data, of the control plane's database, of the backups is full for a while."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from press_app.cli.output import note
from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.e2e.platform import Platform, running

DISKS = {"agent": 512, "press": 64, "backups": 256}
"""Folder of the state folder → its size in megabytes."""
NAMES = {
    "agent": "the agent's data",
    "press": "the control plane's database",
    "backups": "the backups",
}
BALLAST = "ballast"
CHUNKS = (1 << 20, 4096, 1)
ROUNDS = 2
"""Every second round restores what the round before has backed up, and undoes what it has archived."""


def run(is_wanted: Callable[[str], bool], *, quick: bool) -> Iterator[Ending]:
    """On a platform of its own, whose three folders are small disks of their own."""
    seconds = 5 if quick else 30
    faults = {folder: f"disk of {name} full for {seconds} s" for folder, name in NAMES.items()}
    if not any(map(is_wanted, faults.values())):
        return
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="press-disk-")))
        try:
            stack.enter_context(mounted(state))
        except (subprocess.SubprocessError, OSError) as error:
            note(f"Full disks are left out: this machine lets nobody mount a small one ({error}).")
            return
        set_own(state, "agent.env", PRESS_AGENT_MIN_DISK_FREE_BYTES="0")
        platform = stack.enter_context(running(state))
        crew = Crew(platform, is_wanted)
        for folder, fault in faults.items():
            for _ in range(1 if quick else ROUNDS):
                yield from endure(crew, fault, fill(platform, folder, seconds))


@contextmanager
def mounted(state: Path) -> Iterator[None]:
    """Small disks in memory where the three folders will be. Raises CalledProcessError where that is not allowed."""
    with ExitStack() as stack:
        for folder, megabytes in DISKS.items():
            path = state / folder
            path.mkdir(parents=True)
            mount = ("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "press-chaos", str(path))
            subprocess.run(mount, check=True, capture_output=True)
            stack.callback(subprocess.run, ("umount", "--lazy", str(path)), check=True)
        yield


def set_own(state: Path, file: str, **settings: str) -> None:
    """Options of an installation that ``up`` keeps."""
    (state / "settings").mkdir(exist_ok=True)
    with (state / "settings" / file).open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in settings.items())


class fill:  # noqa: N801 - reads as the fault that it is
    """A fault: not one byte is free in a folder for so many seconds."""

    def __init__(self, platform: Platform, folder: str, seconds: float) -> None:
        self._ballast = platform.paths.state / folder / BALLAST
        self._seconds = seconds

    def __call__(self) -> None:
        try:
            deadline = time.monotonic() + self._seconds
            while time.monotonic() < deadline:
                # What the programs give back is taken again.
                write_until_full(self._ballast)
                time.sleep(0.1)
        finally:
            self._ballast.unlink(missing_ok=True)


def write_until_full(ballast: Path) -> None:
    """Append until the disk takes no byte more."""
    handle = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in CHUNKS:
            append_until_full(handle, bytes(size))
    finally:
        os.close(handle)


def append_until_full(handle: int, chunk: bytes) -> None:
    while True:
        try:
            os.write(handle, chunk)
        except OSError:
            return
