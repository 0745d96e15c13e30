"""Which bench gets a new site."""

from collections.abc import Sequence
from dataclasses import dataclass

from press_app.benches.errors import NoBench


@dataclass(frozen=True)
class Place:
    """A bench with room, as placement sees it."""

    bench_id: str
    site_count: int
    max_sites: int


def choose_bench(places: Sequence[Place]) -> str:
    """The fullest bench that still has room, so that others can be emptied. Raises :class:`NoBench`."""
    open_places = [place for place in places if place.site_count < place.max_sites]
    if not open_places:
        message = (
            "No bench has room for a new site. The order is kept and served as soon as one has. "
            "Deploy another with 'press bench deploy'."
        )
        raise NoBench(message)
    return max(open_places, key=lambda place: (place.site_count / place.max_sites, place.bench_id)).bench_id
