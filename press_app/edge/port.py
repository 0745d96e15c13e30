"""What the control plane tells the edge, and what it can see of it from outside."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self


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
MOVED_STATUS = 302
"""What a former address answers to somebody who reads; 307 to everything else. Browsers keep neither."""


def shown(state: RouteState, *, is_held: bool) -> RouteState:
    """What visitors get: a hold closes a live site at once, and no page names a reason that does not stand."""
    if state is RouteState.LIVE and is_held:
        return RouteState.SUSPENDED
    if state is RouteState.SUSPENDED and not is_held:
        return RouteState.MAINTENANCE
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One host name and where it leads."""

    site_id: str
    hostname: str
    bench_id: str
    bench_url: str
    state: RouteState
    reason: str
    """For suspended sites: ``billing``, ``operator``, ``quota``, ``security``."""
    former: tuple[str, ...] = ()
    """Host names that it had; the edge sends their visitors on to this one, path and query kept."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the changes of the table were read; only whoever reads them knows what it means."""

    last: int
    seen: frozenset[int]
    """The newest ones that were read, because one with a smaller number may still come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The routes of the sites that changed since a mark, or those of all sites."""

    mark: Mark | None
    routes: Mapping[str, Route | None]
    """Site id → where its host leads now; None where it leads nowhere any more."""
    is_whole: bool = False
    """Sites that are not named have no route."""

    @classmethod
    def whole(cls, routes: Iterable[Route], mark: Mark | None = None) -> Self:
        """The whole table."""
        return cls(mark=mark, routes={route.site_id: route for route in routes}, is_whole=True)


ReadNews = Callable[[Mark | None], News]
"""Reads what changed since a mark; without one, or where that is easier, the whole table."""


class Edge(Protocol):
    """Takes what changed in the table."""

    def publish(self, read: ReadNews, *, waits: bool = True) -> bool:
        """Make what ``read`` gives the table; False when it is already, or when another publishes and this one may not wait.

        ``read`` is called under the publisher's lock, so of two publishers the one that reads later writes later.
        Atomic: the edge sees the old or the new table.
        """

    def probe(self, hostname: str) -> int:
        """The status a browser would get of the site, asked where that costs its bench little; 0 when the edge does not answer."""
