"""Places of sites on benches: counted at once, so that two never take the last one."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update

from press_app.benches import rules
from press_app.benches.errors import BenchUnfit, NoBench
from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench
from press_app.benches.service import reads
from press_app.releases import service as releases
from press_app.releases.model import Release
from press_app.work.unit_of_work import UnitOfWork

SERVING = (BenchStatus.RUNNING, BenchStatus.DRAINING)


@dataclass(frozen=True)
class _Open:
    """A running bench, what it runs, and how full it is."""

    place: rules.Place
    server_id: str
    release: Release


Fits = Callable[[_Open], bool]


def take_place(uow: UnitOfWork, apps: Collection[str]) -> Bench:
    """A place on a running bench whose release has these apps. Raises :class:`press_app.benches.errors.NoBench`."""
    return _take_first(uow, apps, lambda _bench: True)


def take_place_back(
    uow: UnitOfWork, bench_id: str, apps: Collection[str], *, avoid: Collection[str] = ()
) -> Bench:
    """A place for a site that comes back: on its old bench where that still serves, else on one of its engine.

    On none of ``avoid``. Raises :class:`press_app.benches.errors.NoBench`.
    """
    if bench_id not in avoid and _count(uow, bench_id, 1, Bench.status.in_(SERVING)):
        return reads.get_bench(uow.session, bench_id)
    engine = reads.get_release_of(uow.session, bench_id).engine
    try:
        return _take_first(
            uow, apps, lambda bench: bench.release.engine == engine and bench.place.bench_id not in avoid
        )
    except NoBench:
        if not avoid:
            raise
        message = (
            "No other bench has room, and from the site's old one data that it left there are still being removed. It comes "
            "back by itself as soon as they are gone, or another bench of its engine runs."
        )
        raise NoBench(message, avoided=sorted(avoid)) from None


def take_place_near(uow: UnitOfWork, bench_id: str, apps: Collection[str]) -> Bench:
    """A place for a copy of what stands on this bench: of the same release, best on the same server, else of its engine.

    Raises :class:`press_app.benches.errors.NoBench`.
    """
    origin = reads.get_bench(uow.session, bench_id)
    release = releases.get_release(uow.session, origin.release_id)
    return _take_first(
        uow,
        apps,
        lambda bench: bench.release.id == release.id and bench.server_id == origin.server_id,
        lambda bench: bench.release.id == release.id,
        lambda bench: bench.release.engine == release.engine,
    )


def take_place_of_release(uow: UnitOfWork, origin: Bench, release_name: str, apps: Collection[str]) -> Bench:
    """A place on the same server in a running bench of this release, for a site that leaves ``origin``.

    Raises :class:`BenchUnfit`, ``release_unknown`` and :class:`press_app.benches.errors.NoBench`.
    """
    release = releases.get_release(uow.session, release_name)
    if release.id == origin.release_id:
        message = f"The site has release {release.name} already. Nothing was changed."
        raise BenchUnfit(message, release=release.name)
    _check_fits(uow, origin, release, apps)
    places = [
        bench.place
        for bench in _list_open(uow)
        if bench.release.id == release.id and bench.server_id == origin.server_id
    ]
    taken = _take_any(uow, places)
    if taken is None:
        message = (
            f"No running bench of release {release.name} on the site's server has room. Nothing was changed. Deploy one with "
            f"'press bench deploy --another --release {release.name} --server {origin.server_id}', then try again."
        )
        raise NoBench(message, release=release.name, server_id=origin.server_id)
    return taken


def take_place_for_move(uow: UnitOfWork, origin: Bench, bench_id: str, apps: Collection[str]) -> Bench:
    """A place on this very bench, for a site that leaves ``origin``.

    Raises ``bench_unknown``, :class:`BenchUnfit` and :class:`press_app.benches.errors.NoBench`.
    """
    bench = reads.get_bench(uow.session, bench_id)
    if bench.id == origin.id:
        message = "The site is on this bench already. Nothing was changed."
        raise BenchUnfit(message, bench_id=bench.id)
    if bench.server_id != origin.server_id:
        message = (
            "The bench is on another server, and a site moves between benches of one server. Nothing was changed. "
            "'press bench list' shows the others."
        )
        raise BenchUnfit(message, bench_id=bench.id, server_id=bench.server_id)
    _check_fits(uow, origin, releases.get_release(uow.session, bench.release_id), apps)
    if not take_place_on(uow, bench.id):
        message = (
            f"The bench is {bench.status} with {bench.site_count} of {bench.max_sites} sites, so it takes none. Nothing was "
            "changed. Choose another, or deploy one with 'press bench deploy --another'."
        )
        raise NoBench(message, bench_id=bench.id)
    return bench


def _check_fits(uow: UnitOfWork, origin: Bench, release: Release, apps: Collection[str]) -> None:
    engine = releases.get_release(uow.session, origin.release_id).engine
    if release.engine != engine:
        message = f"The site is of {engine}, release {release.name} of {release.engine}. Nothing was changed."
        raise BenchUnfit(message, release=release.name, engine=release.engine)
    lacking = sorted(set(apps) - set(releases.list_offered(release)))
    if lacking:
        message = (
            f"Release {release.name} has no {', '.join(lacking)}, which the site has. Nothing was changed. Remove it from the "
            "site first, or choose a release that has it."
        )
        raise BenchUnfit(message, release=release.name, apps=lacking)


def _take_first(uow: UnitOfWork, apps: Collection[str], *wishes: Fits) -> Bench:
    """A place on the first kind of bench that has one."""
    found = [bench for bench in _list_open(uow) if set(apps) <= set(releases.list_offered(bench.release))]
    for fits in wishes:
        taken = _take_any(uow, [bench.place for bench in found if fits(bench)])
        if taken is not None:
            return taken
    raise NoBench(rules.say_why_waiting(apps, _list_lacking(uow, apps)), apps=sorted(apps))


def _list_lacking(uow: UnitOfWork, apps: Collection[str]) -> list[str]:
    """What of it no running bench offers; all where no bench offers it together."""
    offers = reads.list_offers(uow.session)
    if not offers or any(set(apps) <= set(offer) for offer in offers):
        return []
    return sorted(set(apps).difference(*offers)) or sorted(apps)


def _take_any(uow: UnitOfWork, places: list[rules.Place]) -> Bench | None:
    while (bench_id := rules.choose_bench(places)) is not None:
        if take_place_on(uow, bench_id):
            return reads.get_bench(uow.session, bench_id)
        # Somebody else took the last one between the look and the count.
        places = [place for place in places if place.bench_id != bench_id]
    return None


def _list_open(uow: UnitOfWork) -> list[_Open]:
    columns = (Bench.id, Bench.site_count, Bench.max_sites, Bench.server_id, Bench.release_id)
    rows = uow.session.execute(select(*columns).where(Bench.status == BenchStatus.RUNNING))
    return [
        _Open(
            rules.Place(bench_id, site_count, max_sites),
            server_id,
            releases.get_release(uow.session, release_id),
        )
        for bench_id, site_count, max_sites, server_id, release_id in rows.all()
    ]


def take_place_on(uow: UnitOfWork, bench_id: str) -> bool:
    """A place on this very bench, counted at once; False when it is full or takes no sites."""
    return _count(uow, bench_id, 1, Bench.site_count < Bench.max_sites, Bench.status == BenchStatus.RUNNING)


def give_place_back(uow: UnitOfWork, bench_id: str) -> None:
    """The site is gone from the bench."""
    _count(uow, bench_id, -1)


def _count(uow: UnitOfWork, bench_id: str, change: int, *conditions: ColumnElement[bool]) -> bool:
    # Past the row's version on purpose: counting must not make a deployment lose its race.
    counted = uow.session.execute(
        update(Bench)
        .where(Bench.id == bench_id, *conditions)
        .values(site_count=Bench.site_count + change)
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(counted, "rowcount", 0) == 1)
