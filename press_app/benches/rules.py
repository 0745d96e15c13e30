"""Which bench gets a new site."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A bench with room, as placement sees it."""

    bench_id: str
    site_count: int
    max_sites: int


def choose_bench(places: Sequence[Place]) -> str | None:
    """The fullest bench that still has room, so that others can be emptied; None where none has."""
    open_places = [place for place in places if place.site_count < place.max_sites]
    if not open_places:
        return None
    return max(open_places, key=lambda place: (place.site_count / place.max_sites, place.bench_id)).bench_id


def say_why_waiting(apps: Collection[str], lacking: Sequence[str]) -> str:
    """Why a site with these apps has no place: nobody offers some of them, or nobody has room."""
    if lacking:
        return (
            f"No running bench offers {', '.join(lacking)}{'' if len(lacking) < len(apps) else ' together'}. The order is kept "
            "and served as soon as one does. Deploy a release that has it with 'press bench deploy', or order without it."
        )
    return (
        "No bench has room for a new site. The order is kept and served as soon as one has. "
        "Deploy another with 'press bench deploy'."
    )
