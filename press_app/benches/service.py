"""What can be done with benches."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update

from press_app.agents.port import AgentAddress
from press_app.benches import rules
from press_app.benches.errors import BenchNotEmpty, BenchUnknown, ServerNotEmpty
from press_app.benches.events import BenchRetireWanted
from press_app.benches.lifecycle import LIFECYCLE, BenchEvent, BenchStatus
from press_app.benches.model import Bench
from press_app.edge.render import is_plain_url
from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.releases import service as releases
from press_app.releases.model import Release
from press_app.servers import rules as server_rules
from press_app.servers import service as servers
from press_app.servers.events import ServerRetireWanted
from press_app.servers.lifecycle import LIFECYCLE as SERVER_LIFECYCLE
from press_app.work import lease
from press_app.work.unit_of_work import UnitOfWork

DEPLOY_WITHIN = timedelta(minutes=20)
RETIRE_WITHIN = timedelta(minutes=5)
DEFAULT_MEMORY_BYTES = 2 * 1024**3
DEFAULT_MAX_SITES = 200
NO_ADDRESS = {
    "code": "agent_answer_unusable",
    "message": "The agent calls the bench deployed, and tells no plain address of it. Look at the host, then deploy again.",
    "compensated": False,
}
SERVING = (BenchStatus.RUNNING, BenchStatus.DRAINING)


def add_bench(
    uow: UnitOfWork,
    *,
    release_id: str,
    server_id: str | None = None,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    max_sites: int = DEFAULT_MAX_SITES,
) -> Bench:
    """Plan a bench and promise its deployment; without a server the emptiest one is chosen."""
    release = releases.get_release(uow.session, release_id)
    server = servers.get_server(uow.session, server_id) if server_id else None
    bench = Bench(
        id=new_id(),
        server_id=server.id if server else choose_server(uow),
        release_id=release.id,
        memory_bytes=memory_bytes,
        max_sites=max_sites,
        site_count=0,
        created_at=uow.now(),
    )
    bench.enter(LIFECYCLE.initial, uow.now())
    uow.session.add(bench)
    uow.session.flush()
    request_deploy(uow, bench)
    return bench


def choose_server(uow: UnitOfWork) -> str:
    """The open server with the fewest benches."""
    counts = dict(uow.session.execute(select(Bench.server_id, func.count()).group_by(Bench.server_id)).all())
    candidates = [
        server_rules.Candidate(
            server_id=server.id,
            is_open=SERVER_LIFECYCLE.allows(server.status, "place"),
            benches=counts.get(server.id, 0),
        )
        for server in servers.list_working(uow.session)
    ]
    return server_rules.choose_server(candidates)


def find_address(session: ReadSession, bench_id: str) -> AgentAddress:
    """Where the agent of its server listens. Raises ``bench_unknown``, and ``server_not_enrolled`` without one."""
    return servers.get_server(session, get_bench(session, bench_id).server_id).address


def request_deploy(uow: UnitOfWork, bench: Bench) -> Job:
    """Deploy, or deploy again; keeps the sites."""
    bench.apply(BenchEvent.DEPLOY, uow.now())
    release = releases.get_release(uow.session, bench.release_id)
    return jobs.request_job(
        uow,
        server_id=bench.server_id,
        operation="deploy_bench",
        target=bench.target,
        params=_deploy_params(bench, release),
        purpose=f"Deploy {release.name}",
        within=DEPLOY_WITHIN,
    )


def _deploy_params(bench: Bench, release: Release) -> dict[str, object]:
    return {
        "bench_id": bench.id,
        "engine": release.engine,
        "release": {"name": release.name, "version": release.engine_version},
        "app_sets": release.app_sets,
        # An agent of before knows no sources and refuses what it does not know.
        **({"sources": release.sources} if release.sources else {}),
        "memory_bytes": bench.memory_bytes,
    }


def on_deploy_finished(uow: UnitOfWork, job: Job) -> None:
    """The agent answers for a deployment."""
    bench = get_bench(uow.session, job.params["bench_id"])
    if bench.status is not BenchStatus.DEPLOYING:
        return
    url = (job.result or {}).get("url")
    if job.status is JobStatus.SUCCEEDED and is_plain_url(url):
        bench.url = url
        bench.facts = job.result
        bench.error = None
        bench.apply(BenchEvent.DEPLOYED, uow.now())
    else:
        bench.error = job.error or NO_ADDRESS
        bench.apply(BenchEvent.FAILED, uow.now())
    uow.record(f"bench.{bench.status}", bench.target, f"The bench is {bench.status}.", job_id=job.id)


def request_retire(uow: UnitOfWork, bench: Bench) -> Job:
    """Stop an empty bench and remove its programs.

    Raises :class:`BenchNotEmpty`, and what the listeners of ``BenchRetireWanted`` raise.
    """
    # Counting goes past the row's version, so the number is read again with the row locked.
    uow.session.flush()
    uow.session.refresh(bench, with_for_update=True)
    if bench.site_count:
        message = (
            f"{bench.site_count} sites stand on this bench. Nothing was changed. Move or archive them first."
        )
        raise BenchNotEmpty(message, site_count=bench.site_count)
    uow.publish(BenchRetireWanted(bench.id))
    bench.apply(BenchEvent.RETIRE, uow.now())
    return jobs.request_job(
        uow,
        server_id=bench.server_id,
        operation="retire_bench",
        target=bench.target,
        params={"bench_id": bench.id},
        purpose="Retire the bench",
        within=RETIRE_WITHIN,
    )


def on_retire_finished(uow: UnitOfWork, job: Job) -> None:
    """The agent answers for a retirement."""
    bench = get_bench(uow.session, job.params["bench_id"])
    if bench.status is BenchStatus.RETIRING:
        is_gone = job.status is JobStatus.SUCCEEDED
        bench.error = None if is_gone else job.error
        bench.apply(BenchEvent.RETIRED if is_gone else BenchEvent.FAILED, uow.now())


def move(uow: UnitOfWork, bench: Bench, event: BenchEvent) -> None:
    """Drain or reopen."""
    bench.apply(event, uow.now())
    uow.record(f"bench.{bench.status}", bench.target, f"The bench is {bench.status}.")


def take_place(uow: UnitOfWork, *, like: str | None = None) -> Bench:
    """A place on a running bench; counted at once, so that two orders never take the last one.

    With ``like``, only benches of the same engine count. Raises :class:`press_app.benches.errors.NoBench`.
    """
    columns = (Bench.id, Bench.site_count, Bench.max_sites, Bench.release_id)
    rows = uow.session.execute(select(*columns).where(Bench.status == BenchStatus.RUNNING)).all()
    engine = None if like is None else _engine_of(uow, get_bench(uow.session, like).release_id)
    places = [
        rules.Place(bench_id, site_count, max_sites)
        for bench_id, site_count, max_sites, release_id in rows
        if engine is None or _engine_of(uow, release_id) == engine
    ]
    while True:
        bench_id = rules.choose_bench(places)
        if take_place_on(uow, bench_id):
            return get_bench(uow.session, bench_id)
        # Somebody else took the last one between the look and the count.
        places = [place for place in places if place.bench_id != bench_id]


def take_place_on(uow: UnitOfWork, bench_id: str) -> bool:
    """A place on this very bench, counted at once; False when it is full or takes no sites."""
    return _count(uow, bench_id, 1, Bench.site_count < Bench.max_sites, Bench.status == BenchStatus.RUNNING)


def take_place_back(uow: UnitOfWork, bench_id: str) -> Bench:
    """A place for a site that comes back: on its old bench where that still serves, else on one like it.

    Raises :class:`press_app.benches.errors.NoBench`.
    """
    if _count(uow, bench_id, 1, Bench.status.in_(SERVING)):
        return get_bench(uow.session, bench_id)
    return take_place(uow, like=bench_id)


def give_place_back(uow: UnitOfWork, bench_id: str) -> None:
    """The site is gone from the bench."""
    _count(uow, bench_id, -1)


def _engine_of(uow: UnitOfWork, release_id: str) -> str:
    return releases.get_release(uow.session, release_id).engine


def _count(uow: UnitOfWork, bench_id: str, change: int, *conditions: ColumnElement[bool]) -> bool:
    # Past the row's version on purpose: counting must not make a deployment lose its race.
    counted = uow.session.execute(
        update(Bench)
        .where(Bench.id == bench_id, *conditions)
        .values(site_count=Bench.site_count + change)
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(counted, "rowcount", 0) == 1)


def on_server_retire_wanted(uow: UnitOfWork, event: ServerRetireWanted) -> None:
    """Raises :class:`ServerNotEmpty` while benches stand on the server."""
    standing = [
        bench.id
        for bench in list_on(uow.session, event.server_id)
        if bench.status not in {BenchStatus.DRAFT, BenchStatus.RETIRED}
    ]
    if standing:
        message = (
            f"{len(standing)} benches stand on this server. Nothing was changed. Drain and retire them first."
        )
        raise ServerNotEmpty(message, benches=standing)


def list_overdue(session: ReadSession, now: datetime) -> list[str]:
    """Benches that are worked on for too long."""
    return list(session.scalars(select(Bench.id).where(Bench.deadline_at < now)))


def on_overdue(uow: UnitOfWork, bench_id: str) -> None:
    """Its time is over and no job works on it any more: tell a person."""
    bench = get_bench(uow.session, bench_id)
    if bench.deadline_at is None or bench.deadline_at >= uow.now() or lease.find(uow, bench.target):
        return
    message = (
        f"It was {bench.status} for too long. Its sites were not touched by this. Deploy or retire it again."
    )
    bench.error = {"code": "deadline_passed", "message": message}
    bench.apply(BenchEvent.FAILED, uow.now())
    uow.record("bench.broken", bench.target, message)


def get_bench(session: Session | ReadSession, bench_id: str) -> Bench:
    """The bench. Raises :class:`BenchUnknown`."""
    bench = session.get(Bench, bench_id)
    if bench is None:
        message = f"There is no bench {bench_id}."
        raise BenchUnknown(message, bench_id=bench_id)
    return bench


def list_benches(session: ReadSession, request: PageRequest) -> Page[Bench]:
    return read_page(session, select(Bench), Bench.id, request)


def list_on(session: Session | ReadSession, server_id: str) -> list[Bench]:
    """All benches of a server."""
    return list(session.scalars(select(Bench).where(Bench.server_id == server_id).order_by(Bench.id)))


def list_running(session: Session | ReadSession) -> list[Bench]:
    """Benches that take new sites."""
    return list(session.scalars(select(Bench).where(Bench.status == BenchStatus.RUNNING).order_by(Bench.id)))


def list_urls(session: Session | ReadSession, bench_ids: Collection[str] | None = None) -> dict[str, str]:
    """Where the edge reaches each of these benches (None: all)."""
    query = select(Bench.id, Bench.url).where(Bench.url.is_not(None))
    rows = session.execute(query if bench_ids is None else query.where(Bench.id.in_(bench_ids)))
    return {bench_id: url for bench_id, url in rows if url}
