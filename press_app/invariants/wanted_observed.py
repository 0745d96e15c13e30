"""Wanted = observed in the database: a site that is not what it should be is on its way. Leeway one minute."""

from collections.abc import Iterator
from datetime import timedelta

from press_app.invariants.base import Invariant, Violation, World
from press_app.sites import service as sites
from press_app.work.lease import find_live

LEEWAY = timedelta(minutes=1)


def find(world: World) -> Iterator[Violation]:
    """Sites that stay other than wanted though nobody works on them; those that wait for a person are among them."""
    now = world.work.clock.now()
    with world.work.read() as session:
        for site_id in [*sites.list_astray(session, now), *sites.list_broken(session)]:
            site = sites.get_site(session, site_id)
            if site.status_since < now - LEEWAY and find_live(session, site.target, now) is None:
                why = (site.error or {}).get("message", "Nothing says why.")
                yield Violation(site.target, f"{site.name} is {site.status}, should be {site.wanted}. {why}")


INVARIANT = Invariant("wanted-observed", "Every site is what it should be, or on its way there.", find)
