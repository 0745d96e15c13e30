"""Finds what a killed supervisor left behind: it cannot be asked any more, but its children carry its address."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from scripts.bringup.health import wait_until

VARIABLE = b"SUPERVISOR_SERVER_URL="
TERM_SECONDS = 10.0


def list_orphans(state: Path, socket: Path) -> list[int]:
    """Pids of processes that were started by this installation's supervisor, or by one whose socket is in the state folder."""
    own, inside = f"unix://{socket}".encode(), f"unix://{state}/".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            urls = [item.removeprefix(VARIABLE) for item in variables if item.startswith(VARIABLE)]
            if any(url == own or url.startswith(inside) for url in urls) and is_alive(int(folder.name)):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def end_orphans(state: Path, socket: Path) -> int:
    """End them, kindly first; how many there were. Call it only while the supervisor does not run."""
    pids = list_orphans(state, socket)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in filter(is_alive, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if wait_until(lambda: not any(map(is_alive, pids)), seconds=TERM_SECONDS):
            break
    return len(pids)


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return not status.rpartition(")")[2].lstrip().startswith("Z")
