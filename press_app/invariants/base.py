"""What a promise is, and what a broken one looks like."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from press_app.agents.port import Agents
from press_app.config import Settings
from press_app.edge.port import Edge
from press_app.work.unit_of_work import Work


@dataclass(frozen=True)
class Violation:
    """One thing for which a promise does not hold."""

    subject: str
    """``site:<id>``, ``job:<id>``."""
    message: str
    """What is wrong, what it means, what to do next."""


@dataclass(frozen=True)
class World:
    """What a promise may look at."""

    work: Work
    agents: Agents
    edge: Edge
    settings: Settings


@dataclass(frozen=True)
class Invariant:
    """One promise. ``find`` yields what breaks it; it may repair by enqueueing work, and says so."""

    name: str
    promise: str
    find: Callable[[World], Iterator[Violation]]
