"""The world's troubles, one after the other, on a platform whose customers are busy."""

from collections.abc import Callable, Iterator

from tests.chaos.cells import Ending
from tests.chaos.troubles import clock, containers, databases, disk, edge, mariadb, plug, redis_away
from tests.chaos.troubles.crew import Crew
from tests.e2e.platform import Platform

ON_ONE_PLATFORM = (redis_away, databases, edge, plug, clock)
ON_THEIR_OWN = (disk, mariadb, containers)


def run(
    platform: Platform, *, quick: bool, is_wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[Ending]:
    """An ending for each operation in each trouble, as they come; ``quick`` takes shorter and fewer ones.

    ``is_wanted`` is asked with the name of each fault: ``Redis stopped for 60 s``.
    """
    crew = Crew(platform, is_wanted)
    for trouble in ON_ONE_PLATFORM:
        yield from trouble.run(platform, crew, quick=quick)
    for own in ON_THEIR_OWN:
        yield from own.run(is_wanted, quick=quick)
