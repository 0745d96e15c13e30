"""What the edge is told: the whole table, or what changed in it since a mark."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select

from press_app.benches import service as benches
from press_app.edge.port import Mark, News, Route, RouteState, shown
from press_app.kit.db import ReadSession, Session
from press_app.sites.lifecycle import HoldKind
from press_app.sites.model import Hold, RouteChange, Site
from press_app.sites.service import addresses
from press_app.sites.service.reads import PRIORITY
from press_app.work.unit_of_work import UnitOfWork

OVERLAP = 200
"""So many of the newest changes are looked at again: on MariaDB one can be seen before one with a smaller number."""
MOST_CHANGES = 1_000
"""After more changes than this, reading the whole table is cheaper."""
KEPT_CHANGES = 10_000


def read_routes(session: Session | ReadSession, mark: Mark | None) -> News:
    """The routes that changed since ``mark``, or the whole table where there is none or too much came since."""
    last = session.scalar(select(func.max(RouteChange.id))) or 0
    # Numbers that went back are those of another database, a restored one for example.
    is_known = mark is not None and mark.last <= last
    floor = (mark.last if is_known and mark is not None else last) - OVERLAP
    rows = session.execute(
        select(RouteChange.id, RouteChange.subject)
        .where(RouteChange.id > floor)
        .order_by(RouteChange.id)
        .limit(OVERLAP + MOST_CHANGES + 1)
    ).all()
    now = Mark(last, frozenset(number for number, _ in rows if number > last - OVERLAP))
    if mark is None or not is_known or len(rows) > OVERLAP + MOST_CHANGES:
        return News.whole(list_routes(session), now)
    subjects = {subject for number, subject in rows if number not in mark.seen}
    return News(mark=now, routes=_read_some(session, subjects) if subjects else {})


def list_routes(session: Session | ReadSession) -> list[Route]:
    """The whole table."""
    kinds = session.execute(select(Hold.site_id, Hold.kind))
    reasons: dict[str, HoldKind] = {}
    for site_id, kind in kinds:
        _note_reason(reasons, site_id, kind)
    formers = _list_former(session, None)
    return list(_read(session, Site.route != RouteState.NONE, reasons, benches.list_urls(session), formers))


def _read_some(session: Session | ReadSession, subjects: Collection[str]) -> dict[str, Route | None]:
    bench_ids = [subject.removeprefix("bench:") for subject in subjects if subject.startswith("bench:")]
    named = [subject.removeprefix("site:") for subject in subjects if subject.startswith("site:")]
    is_meant = or_(Site.id.in_(named), Site.bench_id.in_(bench_ids))
    places = session.execute(select(Site.id, Site.bench_id).where(is_meant)).all()
    site_ids = [site_id for site_id, _ in places]
    reasons: dict[str, HoldKind] = {}
    for site_id, kind in session.execute(select(Hold.site_id, Hold.kind).where(Hold.site_id.in_(site_ids))):
        _note_reason(reasons, site_id, kind)
    urls = benches.list_urls(session, {bench_id for _, bench_id in places if bench_id})
    found: dict[str, Route | None] = dict.fromkeys([*named, *site_ids])
    is_routed = Site.route != RouteState.NONE
    found.update(
        (route.site_id, route)
        for route in _read(
            session, Site.id.in_(site_ids) & is_routed, reasons, urls, _list_former(session, site_ids)
        )
    )
    return found


def _list_former(
    session: Session | ReadSession, site_ids: Sequence[str] | None
) -> dict[str, tuple[str, ...]]:
    found = addresses.list_former(session, site_ids)
    return {site_id: tuple(each.hostname for each in former) for site_id, former in found.items()}


def _note_reason(reasons: dict[str, HoldKind], site_id: str, kind: HoldKind) -> None:
    if site_id not in reasons or PRIORITY.index(kind) < PRIORITY.index(reasons[site_id]):
        reasons[site_id] = kind


def _read(
    session: Session | ReadSession,
    condition: ColumnElement[bool],
    reasons: dict[str, HoldKind],
    urls: dict[str, str],
    formers: Mapping[str, tuple[str, ...]],
) -> Iterator[Route]:
    rows = session.execute(select(Site.id, Site.hostname, Site.bench_id, Site.route).where(condition))
    for site_id, hostname, bench_id, told in rows:
        state = shown(told, is_held=site_id in reasons)
        url = urls.get(bench_id or "", "")
        if hostname and (url or state is not RouteState.LIVE):
            yield Route(
                site_id=site_id,
                hostname=hostname,
                bench_id=bench_id or "",
                bench_url=url,
                state=state,
                reason=reasons.get(site_id, HoldKind.BILLING).value,
                former=formers.get(site_id, ()),
            )


def forget_changes(uow: UnitOfWork) -> None:
    """Remove changes that everybody has read; whoever has not reads the whole table."""
    last = uow.session.scalar(select(func.max(RouteChange.id))) or 0
    old = delete(RouteChange).where(RouteChange.id <= last - KEPT_CHANGES)
    uow.session.execute(old.execution_options(synchronize_session=False))
