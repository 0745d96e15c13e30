"""Edge = database: the edge has the table that the rows give. A torn or lost table is written again."""

from collections.abc import Iterator

from sqlalchemy import select

from press_app.edge.port import EXPECTED_STATUS, Mark, News, Route, RouteState
from press_app.invariants.base import Invariant, Violation, World
from press_app.sites import service as sites
from press_app.work.model import TaskRow, TaskStatus

PUBLISHERS = ("edge.publish", "site.verify", "site.converge", "job.settle")
"""Tasks that write the table, or lead to one that does."""
LOOKS = 5
"""How many sites are looked at from outside each time, the choice moving on with the clock."""


def find(world: World) -> Iterator[Violation]:
    """A table that had to be written again, and sites that answer otherwise than they should."""
    table: list[Route] = []

    def read(_mark: Mark | None) -> News:
        # The whole table, whatever is known: this is the look that finds what another one missed.
        with world.work.read() as session:
            news = sites.read_routes(session, None)
        table[:] = [route for route in news.routes.values() if route is not None]
        return news

    # A table that somebody is about to write is late, not lost.
    is_late = _is_promised(world)
    if world.edge.publish(read) and not (is_late or _is_promised(world)):
        yield Violation("edge:table", "The edge had another table than the database; it was written again.")
    settled = [route for route in table if route.state in {RouteState.LIVE, RouteState.SUSPENDED}]
    start = int(world.work.clock.now().timestamp()) // 30 * LOOKS
    for offset in range(min(LOOKS, len(settled))):
        route = settled[(start + offset) % len(settled)]
        seen, right = world.edge.probe(route.hostname), EXPECTED_STATUS[route.state]
        if seen != right:
            yield Violation(
                f"site:{route.site_id}", f"The edge answers {seen}, {right} is right. Is its bench up?"
            )


def _is_promised(world: World) -> bool:
    open_states = (TaskStatus.WAITING, TaskStatus.RUNNING)
    query = select(TaskRow.id).where(TaskRow.status.in_(open_states), TaskRow.name.in_(PUBLISHERS))
    with world.work.read() as session:
        return session.scalar(query.limit(1)) is not None


INVARIANT = Invariant("edge-drift", "The edge answers for every site as its state says.", find)
