"""What the control plane tells the edge, and what it can see of it from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class RouteState(StrEnum):
    """What the edge answers for a site."""

    NONE = "none"
    """404: no site at this address."""
    LIVE = "live"
    SUSPENDED = "suspended"
    """402 with a page that says why."""
    MAINTENANCE = "maintenance"
    """503 with Retry-After."""


EXPECTED_STATUS = {
    RouteState.NONE: 404,
    RouteState.LIVE: 200,
    RouteState.SUSPENDED: 402,
    RouteState.MAINTENANCE: 503,
}


def shown(state: RouteState, *, is_held: bool) -> RouteState:
    """What visitors get: a hold closes a live site at once, and no page names a reason that does not stand."""
    if state is RouteState.LIVE and is_held:
        return RouteState.SUSPENDED
    if state is RouteState.SUSPENDED and not is_held:
        return RouteState.MAINTENANCE
    return state


@dataclass(frozen=True, kw_only=True)
class Route:
    """One host name and where it leads."""

    site_id: str
    hostname: str
    bench_id: str
    bench_url: str
    state: RouteState
    reason: str
    """For suspended sites: ``billing``, ``operator``, ``quota``, ``security``."""


class Edge(Protocol):
    """Takes the whole table each time."""

    def publish(self, read: Callable[[], Sequence[Route]]) -> bool:
        """Make what ``read`` gives the table; False when it is already.

        ``read`` is called under the publisher's lock, so of two publishers the one that reads later writes later.
        Atomic: the edge sees the old or the new table.
        """

    def probe(self, hostname: str) -> int:
        """The status a browser would get at ``/``; 0 when the edge does not answer."""
