"""A program that runs well, written down: what a host goes back to when the next one does not come up."""

import json
from dataclasses import asdict
from pathlib import Path

from agent.executors.port import ProgramSpec
from agent.host import files


def remember(path: Path, program: ProgramSpec) -> None:
    """Write it down durably."""
    files.write_atomic(path, json.dumps(asdict(program), default=str))


def recall(path: Path) -> ProgramSpec | None:
    """What was written down last; None when nothing was, or nothing that this version understands."""
    try:
        known = json.loads(path.read_text("utf-8"))
        paths = {name: tuple(map(Path, known[name])) for name in ("writable", "readable")}
        lists = {name: tuple(known[name]) for name in ("argv", "ports")}
        return ProgramSpec(**{**known, **paths, **lists, "directory": Path(known["directory"])})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
