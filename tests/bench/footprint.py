"""What the platform costs while nothing happens: memory, and processor time."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, make_figure
from tests.e2e.platform import Platform

PROC = Path("/proc")
TENANTS = "bench_tryton.serve"
"""In the command of a bench: it serves tenants, so it is not counted."""
STAND_IN = "lago-sandbox"
"""Stands in for Lago, which is not a part of the platform; told beside it."""
IDLE_SECONDS = 60.0
SETTLE_SECONDS = 20.0
MEGABYTE = 1024 * 1024


def measure_footprint(platform: Platform) -> Iterator[Figure]:
    """Proportional memory of each program in MB, and the processor time that all of them take while idle."""
    time.sleep(SETTLE_SECONDS)
    families = {
        status.name: list_family(status.pid) for status in platform.supervisor.list_programs() if status.pid
    }
    families["supervisor"] = [platform.supervisor.read_pid()]
    memory = {name: sum(map(read_pss, pids)) / MEGABYTE for name, pids in families.items()}
    for name, size in sorted(memory.items()):
        yield make_figure(f"memory_{name}", size, unit="MB")
    total = sum(size for name, size in memory.items() if name != STAND_IN)
    yield make_figure("memory_of_the_platform", total, unit="MB")
    pids = [pid for name, family in families.items() if name != STAND_IN for pid in family]
    begun, before = time.monotonic(), sum(map(read_processor_seconds, pids))
    time.sleep(IDLE_SECONDS)
    used = sum(map(read_processor_seconds, pids)) - before
    yield make_figure("idle_processor", 100 * used / (time.monotonic() - begun), unit="% of a core")


def list_family(pid: int) -> list[int]:
    """The process and all that it started, without what serves tenants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        fields = _read(folder / "stat").rpartition(")")[2].split()
        if fields:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    family, waiting = [], [pid]
    while waiting:
        member = waiting.pop()
        if TENANTS not in _read(PROC / str(member) / "cmdline").replace("\0", " "):
            family.append(member)
            waiting += children.get(member, [])
    return family


def read_pss(pid: int) -> int:
    """Bytes of memory, shared pages counted in proportion; 0 for a process that ended."""
    found = re.search(r"^Pss:\s+(\d+) kB", _read(PROC / str(pid) / "smaps_rollup"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def read_processor_seconds(pid: int) -> float:
    """User and system time; 0 for a process that ended."""
    fields = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
