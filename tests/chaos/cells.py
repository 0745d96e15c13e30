"""One cell of the fault table: an operation, a moment in it, a fault; and how it ended."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Cell:
    """What was hurt, when and how; the names are what the table prints."""

    operation: str
    """``create``, ``suspend``, ``resume``, ``archive``, ``undo``, ``backup``, ``restore``, ``settings``; ``any`` for what needs none."""
    moment: str
    """``agent-worker: before ensure_cloned``, ``press-worker: after commit 3``, ``while it runs``."""
    fault: str
    """``kill -9``, ``Redis flushed``, ``clock + 1 h``."""


@dataclass(frozen=True)
class Ending:
    """How one cell ended; it holds when nothing is broken."""

    cell: Cell
    seconds: float
    """From the fault until the truth checker found nothing wrong, or until it was given up."""
    broken: tuple[str, ...] = ()
    """A sentence for each promise that does not hold."""
    timeline: tuple[str, ...] = ()
    """What the platform says of the site, for whoever looks at a red cell."""

    @property
    def holds(self) -> bool:
        return not self.broken
