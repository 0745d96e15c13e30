"""Orders to the planted programs, as files: arm, look whether one was carried out, record what is reached."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

PLANT = Path(__file__).with_name("plant")
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "agent-api": ("agent-api",),
    "agent-worker": ("agent-worker-0", "agent-worker-1"),
    "press-api": ("press-api",),
    "press-worker": ("press-worker",),
    "bridge-api": ("bridge-api",),
    "bridge-worker": ("bridge-worker",),
}
"""Which processes do one kind of work: whichever of them comes to the moment first is hurt, and only that one."""

When = Literal["before", "after"]


@dataclass(frozen=True, order=True)
class Moment:
    """A point in one kind of program that a run comes to."""

    program: str
    name: str
    """``commit store.claim subscription.started``, ``step create_site.ensure_cloned``."""
    time: int = 1
    """The how-manieth time it is reached."""
    is_owned: bool = True
    """It tells whose it is; else the next time that anybody comes there is meant."""

    def __str__(self) -> str:
        return f"{self.program}: {{}} {self.name}" + (f" ({self.time})" if self.time > 1 else "")

    def describe(self, when: When) -> str:
        return str(self).format(when)


@dataclass(frozen=True)
class Order:
    """One armed order."""

    program: str
    name: str = field(default_factory=lambda: uuid.uuid4().hex)


class Orders:
    """The folder that the planted programs read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> dict[str, str]:
        """Make the folders, one for all processes of a kind; the environment that plants the platform's programs."""
        for kind, processes in PROGRAMS.items():
            for base in (self.folder, self.folder / "done"):
                (base / kind).mkdir(parents=True)
                for process in set(processes) - {kind}:
                    (base / process).symlink_to(base / kind)
        return {"CHAOS_ORDERS": str(self.folder), "PYTHONPATH": str(PLANT)}

    def arm(self, moment: Moment, when: When, *, marks: Sequence[str], action: str = "kill") -> Order:
        """Order something at a moment of the one who is named by ``marks``; to be carried out once."""
        order = Order(moment.program)
        text = json.dumps(
            {
                "moment": moment.name,
                "when": when,
                "marks": list(marks) if moment.is_owned else [],
                "action": action,
            }
        )
        path = self.folder / moment.program / f"{order.name}.{moment.time}.order"
        hidden = self.folder / f"{order.name}.new"
        hidden.write_text(text, "utf-8")
        hidden.rename(path)
        return order

    def disarm(self, order: Order) -> None:
        for path in (self.folder / order.program).glob(f"{order.name}.*.order"):
            path.unlink(missing_ok=True)

    def find_victim(self, order: Order) -> tuple[str, float] | None:
        """Which process carried it out, and when (seconds since the epoch); None while nobody has."""
        path = self.folder / "done" / order.program / order.name
        if not path.exists() or not (program := path.read_text("utf-8")):
            return None
        return program, path.stat().st_mtime

    @contextmanager
    def recording(self, *marks: str) -> Iterator[Counter[Moment]]:
        """What every program comes to for this tenant, or for nobody, in the block; filled at its end."""
        found: Counter[Moment] = Counter()
        for kind in PROGRAMS:
            (self.folder / "done" / kind / "record").unlink(missing_ok=True)
            (self.folder / kind / "record").write_text(json.dumps(marks), "utf-8")
        try:
            yield found
        finally:
            for kind in PROGRAMS:
                (self.folder / kind / "record").unlink()
                found.update(self._read_record(kind))

    def _read_record(self, kind: str) -> Iterator[Moment]:
        path = self.folder / "done" / kind / "record"
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            entry = json.loads(line)
            yield Moment(kind, entry["moment"], is_owned=entry["whose"] == "mine")
