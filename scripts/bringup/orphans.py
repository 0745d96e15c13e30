"""Finds what a killed supervisor left behind: it cannot be asked any more, but its children carry its address."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from scripts.bringup.health import wait_until

VARIABLE = b"SUPERVISOR_SERVER_URL="
SUPERVISORS = frozenset({b"supervisor.supervisord", b"scripts.bringup.supervisord"})
TERM_SECONDS = 10.0
ROUNDS = 5


def list_orphans(state: Path, socket: Path) -> list[int]:
    """Pids of this installation's programs: children of a supervisor of ours, and supervisors that read a file of ours."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):
            ours = _is_child(folder, state, socket) or _is_supervisor(folder, state)
            if ours and is_alive(pid) and pid != os.getpid():
                found.append(pid)
    return found


def _is_child(process: Path, state: Path, socket: Path) -> bool:
    own, inside = f"unix://{socket}".encode(), f"unix://{state}/".encode()
    variables = (process / "environ").read_bytes().split(b"\0")
    urls = [item.removeprefix(VARIABLE) for item in variables if item.startswith(VARIABLE)]
    if any(url == own or url.startswith(inside) for url in urls):
        return True
    # One that was forked has its supervisor's first environment; its title ends with the address.
    return (process / "cmdline").read_bytes().rstrip(b"\0").endswith(b" of " + own)


def _is_supervisor(process: Path, state: Path) -> bool:
    """A supervisor is known by its arguments: the agent's own one starts with an empty environment."""
    words = (process / "cmdline").read_bytes().split(b"\0")
    return not SUPERVISORS.isdisjoint(words) and any(word.startswith(f"{state}/".encode()) for word in words)


def end_orphans(state: Path, socket: Path) -> int:
    """End them, kindly first; how many there were. Call it only while the supervisor does not run.

    Several rounds, because a supervisor among them starts its own children again until it has ended itself.
    """
    ended: set[int] = set()
    for _ in range(ROUNDS):
        pids = list_orphans(state, socket)
        if not pids:
            break
        ended.update(pids)
        _end(pids)
    return len(ended)


def _end(pids: list[int]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in filter(is_alive, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if wait_until(lambda: not any(map(is_alive, pids)), seconds=TERM_SECONDS):
            return


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return not status.rpartition(")")[2].lstrip().startswith("Z")
