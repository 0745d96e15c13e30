"""Wanted = observed in the database: a site that is not what it should be is on its way. Leeway one minute."""

from collections.abc import Iterator
from datetime import timedelta

from press_app.invariants.base import Invariant, Violation, World
from press_app.sites import service as sites
from press_app.work.lease import list_live

LEEWAY = timedelta(minutes=1)


def find(world: World) -> Iterator[Violation]:
    """Sites that stay other than wanted though nobody works on them; those that wait for a person are among them."""
    now = world.work.clock.now()
    with world.work.read() as session:
        busy = list_live(session, now)
        found = [*sites.list_astray(session, now), *sites.list_broken(session)]
        for site in sites.list_by_id(session, found):
            if site.status_since < now - LEEWAY and site.target not in busy:
                why = (site.error or {}).get("message", "Nothing says why.")
                yield Violation(site.target, f"{site.name} is {site.status}, should be {site.wanted}. {why}")


INVARIANT = Invariant("wanted-observed", "Every site is what it should be, or on its way there.", find)
