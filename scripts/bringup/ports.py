"""Which ports the programs listen on: chosen once, remembered, and said clearly when somebody else took one."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from scripts.bringup.errors import UpError

LOOPBACK = "127.0.0.1"
WANTED: Mapping[str, int] = {
    "edge": 8000,
    "edge-internal": 8001,
    "press-api": 8080,
    "bridge-api": 8085,
    "agent-api": 8090,
    "lago-sandbox": 8095,
    "edge-pages": 8070,
    "redis": 6390,
    "benches": 18100,
}
"""First choice of each program; the next free port is taken when it is not to be had."""
TRIES = 200
LISTENING = "0A"


def is_free(port: int) -> bool:
    """Whether a program of ours could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return False
        return True


def choose_ports(remembered: Mapping[str, int], asked: Mapping[str, int]) -> dict[str, int]:
    """A port for each name: what was asked for, else what was used before, else a free one near the first choice.

    Call it while nothing of ours runs. Raises UpError when an asked or remembered port is taken: site addresses
    and enrolled agents carry it, so it is not changed behind the user's back.
    """
    chosen: dict[str, int] = {}
    for name, first in WANTED.items():
        fixed = asked.get(name) or remembered.get(name)
        if fixed is None:
            chosen[name] = next(
                _free_from(first, taken={*chosen.values(), *asked.values(), *remembered.values()})
            )
            continue
        if not is_free(fixed) and name != "benches":
            raise UpError(_taken(name, fixed, asked=name in asked))
        chosen[name] = fixed
    return chosen


def _free_from(first: int, *, taken: Iterable[int]) -> Iterator[int]:
    for port in range(first, first + TRIES):
        if port not in taken and is_free(port):
            yield port
    raise UpError(f"no free port between {first} and {first + TRIES}; stop what uses them and run up again.")


def _taken(name: str, port: int, *, asked: bool) -> str:
    holder = find_holder(port)
    by = f" by {holder}" if holder else ""
    if asked:
        return f"port {port} for {name} is taken{by}; stop that program or choose another port. Nothing was changed."
    return f"port {port}, which {name} has used so far, is taken{by}; stop that program and run up again. Nothing was changed."


def find_holder(port: int) -> str | None:
    """``name (pid 123)`` of the program that listens on a port, as far as we are allowed to see."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*") if wanted else ():
        with suppress(OSError):
            if any(str(link.readlink()) in wanted for link in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    """From the kernel's tables: local address in the second column, state in the fourth, inode in the tenth."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with suppress(OSError):
            rows = (line.split() for line in table.read_text().splitlines()[1:])
            inodes |= {
                row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port
            }
    return inodes
