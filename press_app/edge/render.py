"""Pure rendering of Traefik's dynamic configuration: one router per bench and state, hosts joined."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from press_app.edge.port import Route, RouteState

HOSTS_PER_ROUTER = 50
"""Measured: 200 routers of 50 hosts propagate in about 60 ms, 10,000 routers of one host in about 640 ms."""

MAX_HOSTNAME = 253
HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
URL = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?")
MAX_URL = 255

MOVED = "moved"
"""The state of former addresses, which are no routes of their own."""
NEVER_KEPT = "never-kept"
"""Each lives for some weeks only, and may be somebody else's after that."""

Group = tuple[str, str, str]
"""State, bench and reason: the hosts of one group lead to the same place."""


@dataclass(frozen=True)
class Piece:
    """What one group adds to each section of the file: lines of JSON."""

    routers: Sequence[str]
    services: Sequence[str]
    middlewares: Sequence[str]


def find_groups(route: Route) -> Iterator[Group]:
    """Which groups the route belongs to; none when the edge is not told of it."""
    if route.state is RouteState.NONE or not is_hostname(route.hostname):
        return
    if any(is_hostname(former) for former in route.former):
        yield MOVED, "", ""
    if route.state is RouteState.LIVE:
        if is_plain_url(route.bench_url):
            yield route.state, route.bench_id, ""
    else:
        yield route.state, "", route.reason if route.state is RouteState.SUSPENDED else ""


def is_hostname(text: str) -> bool:
    """A rule is text: what is no host name must not become a part of it."""
    return len(text) <= MAX_HOSTNAME and HOSTNAME.fullmatch(text) is not None


def is_plain_url(url: object) -> bool:
    """Whether it names a host and a port and nothing else.

    Agents tell where their benches are, and Traefik runs its file through Go's templates first: what stands between
    two braces would be done, not read.
    """
    return isinstance(url, str) and len(url) <= MAX_URL and URL.fullmatch(url) is not None


def render_group(group: Group, routes: Iterable[Route]) -> Piece:
    """The routers of one group, fifty hosts each, and where they lead; the order of the routes does not matter."""
    state, bench_id, reason = group
    if state == MOVED:
        return _render_moved(routes)
    members = sorted(routes, key=lambda route: route.hostname)
    if state == RouteState.LIVE:
        service, names = f"bench-{bench_id}", []
        services, middlewares = [_line(service, _service(members[0].bench_url))], []
    else:
        path = f"/suspended/{reason}" if state == RouteState.SUSPENDED else "/maintenance"
        service, names = "pages", [f"to{path.replace('/', '-')}"]
        services, middlewares = [], [_line(names[0], _replace_path(path))]
    name = "-".join(filter(None, [state, bench_id, reason]))
    hosts = [route.hostname for route in members]
    routers = [
        _line(f"{name}-{number}", _router(part, service, names)) for number, part in _list_parts(hosts)
    ]
    return Piece(routers, services, middlewares)


def _render_moved(routes: Iterable[Route]) -> Piece:
    """Former addresses: fifty to a router like all others, and for each what sends its visitors on."""
    leads = {former: route.hostname for route in routes for former in route.former if is_hostname(former)}
    routers = [
        _line(
            f"{MOVED}-{number}", _router(part, "pages", [NEVER_KEPT, *map(_name_move, part), "to-not-found"])
        )
        for number, part in _list_parts(sorted(leads))
    ]
    moves = [_line(_name_move(former), _move(former, leads[former])) for former in sorted(leads)]
    header = {"headers": {"customResponseHeaders": {"Cache-Control": "no-store"}}}
    return Piece(routers, [], [_line(NEVER_KEPT, header), *moves])


def _list_parts(hosts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for start in range(0, len(hosts), HOSTS_PER_ROUTER):
        yield start // HOSTS_PER_ROUTER, hosts[start : start + HOSTS_PER_ROUTER]


def _router(hosts: Iterable[str], service: str, middlewares: Sequence[str]) -> Mapping[str, Any]:
    rule = " || ".join(f"Host(`{host}`)" for host in hosts)
    return {"rule": rule, "service": service, **({"middlewares": list(middlewares)} if middlewares else {})}


def _name_move(former: str) -> str:
    return f"from-{former}"


def _move(former: str, hostname: str) -> Mapping[str, Any]:
    """Scheme, port, path and query stay. Not permanent: browsers would remember it longer than it lasts."""
    regex = rf"^(?i)(https?://){re.escape(former)}((?::[0-9]+)?(?:/.*)?)$"
    return {"redirectRegex": {"regex": regex, "replacement": f"${{1}}{hostname}${{2}}"}}


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
