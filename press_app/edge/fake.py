"""An edge without Traefik: answers from the table it was given."""

from press_app.edge.port import EXPECTED_STATUS, MOVED_STATUS, ReadNews, Route, RouteState


class FakeEdge:
    """Remembers the table and how often it changed."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.published = 0
        self.is_down = False

    def publish(self, read: ReadNews, *, waits: bool = True) -> bool:  # noqa: ARG002
        table = {route.hostname: route for route in read(None).routes.values() if route is not None}
        if table == self.routes:
            return False
        self.routes = table
        self.published += 1
        return True

    def probe(self, hostname: str) -> int:
        if self.is_down:
            return 0
        route = self.routes.get(hostname)
        if route is None and any(hostname in other.former for other in self.routes.values()):
            return MOVED_STATUS
        return EXPECTED_STATUS[route.state if route else RouteState.NONE]
