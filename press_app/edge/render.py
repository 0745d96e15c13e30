"""Pure rendering of Traefik's dynamic configuration: one router per bench and state, hosts joined."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from press_app.edge.port import Route, RouteState

HOSTS_PER_ROUTER = 50
"""Measured: 200 routers of 50 hosts propagate in about 60 ms, 10,000 routers of one host in about 640 ms."""

MAX_HOSTNAME = 253
HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
URL = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?")
MAX_URL = 255

Group = tuple[RouteState, str, str]
"""State, bench and reason: the hosts of one group lead to the same place."""


@dataclass(frozen=True)
class Piece:
    """What one group adds to each section of the file: lines of JSON."""

    routers: Sequence[str]
    services: Sequence[str]
    middlewares: Sequence[str]


def find_group(route: Route) -> Group | None:
    """Which group the route belongs to; None when the edge is not told of it."""
    # A rule is text: what is no host name must not become a part of it.
    if len(route.hostname) > MAX_HOSTNAME or HOSTNAME.fullmatch(route.hostname) is None:
        return None
    if route.state is RouteState.LIVE:
        return (route.state, route.bench_id, "") if is_plain_url(route.bench_url) else None
    if route.state is RouteState.NONE:
        return None
    return route.state, "", route.reason if route.state is RouteState.SUSPENDED else ""


def is_plain_url(url: object) -> bool:
    """Whether it names a host and a port and nothing else.

    Agents tell where their benches are, and Traefik runs its file through Go's templates first: what stands between
    two braces would be done, not read.
    """
    return isinstance(url, str) and len(url) <= MAX_URL and URL.fullmatch(url) is not None


def render_group(group: Group, routes: Iterable[Route]) -> Piece:
    """The routers of one group, fifty hosts each, and where they lead; the order of the routes does not matter."""
    state, bench_id, reason = group
    members = sorted(routes, key=lambda route: route.hostname)
    if state is RouteState.LIVE:
        service, names = f"bench-{bench_id}", []
        services, middlewares = [_line(service, _service(members[0].bench_url))], []
    else:
        path = f"/suspended/{reason}" if state is RouteState.SUSPENDED else "/maintenance"
        service, names = "pages", [f"to{path.replace('/', '-')}"]
        services, middlewares = [], [_line(names[0], _replace_path(path))]
    routers = []
    for number in range(0, len(members), HOSTS_PER_ROUTER):
        hosts = members[number : number + HOSTS_PER_ROUTER]
        key = "-".join(filter(None, [state.value, bench_id, reason, str(number // HOSTS_PER_ROUTER)]))
        rule = " || ".join(f"Host(`{route.hostname}`)" for route in hosts)
        router = {"rule": rule, "service": service, **({"middlewares": names} if names else {})}
        routers.append(_line(key, router))
    return Piece(routers, services, middlewares)


def render_file(pieces: Sequence[Piece], pages_url: str) -> str:
    """The whole file, in the order of the pieces; never empty, because unknown hosts lead somewhere too."""
    unknown = {
        # Longest rule first is Traefik's order, so the catch-all must be told to come last.
        "rule": "PathPrefix(`/`)",
        "priority": 1,
        "service": "pages",
        "middlewares": ["to-not-found"],
    }
    sections = {
        "routers": [_line("unknown", unknown), *(line for piece in pieces for line in piece.routers)],
        "services": [
            _line("pages", _service(pages_url)),
            *(line for piece in pieces for line in piece.services),
        ],
        "middlewares": [
            _line("to-not-found", _replace_path("/not-found")),
            *(line for piece in pieces for line in piece.middlewares),
        ],
    }
    body = ",\n".join(f' "{name}": {{\n' + ",\n".join(lines) + "\n }" for name, lines in sections.items())
    return f'{{"http": {{\n{body}\n}}}}\n'


def _line(key: str, value: Mapping[str, Any]) -> str:
    return f"  {json.dumps(key)}: {json.dumps(value)}"


def _service(url: str) -> Mapping[str, Any]:
    return {"loadBalancer": {"servers": [{"url": url}], "passHostHeader": True}}


def _replace_path(path: str) -> Mapping[str, Any]:
    return {"replacePath": {"path": path}}
