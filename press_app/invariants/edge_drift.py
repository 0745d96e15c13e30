"""Edge = database: the edge has the table that the rows give. A torn or lost table is written again."""

from collections.abc import Iterator

from press_app.edge.port import EXPECTED_STATUS, Route, RouteState
from press_app.invariants.base import Invariant, Violation, World
from press_app.sites import service as sites

LOOKS = 5
"""How many sites are looked at from outside each time, the choice moving on with the clock."""


def find(world: World) -> Iterator[Violation]:
    """A table that had to be written again, and sites that answer otherwise than they should."""
    table: list[Route] = []

    def read() -> list[Route]:
        with world.work.read() as session:
            table[:] = sites.list_routes(session)
        return table

    if world.edge.publish(read):
        yield Violation("edge:table", "The edge had another table than the database; it was written again.")
    settled = [route for route in table if route.state in {RouteState.LIVE, RouteState.SUSPENDED}]
    start = int(world.work.clock.now().timestamp()) // 30 * LOOKS
    for offset in range(min(LOOKS, len(settled))):
        route = settled[(start + offset) % len(settled)]
        seen, right = world.edge.probe(route.hostname), EXPECTED_STATUS[route.state]
        if seen != right:
            yield Violation(
                f"host:{route.hostname}", f"The edge answers {seen}, {right} is right. Is its bench up?"
            )


INVARIANT = Invariant("edge-drift", "The edge answers for every site as its state says.", find)
