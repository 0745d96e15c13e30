"""What can be done with benches."""

from datetime import timedelta

from sqlalchemy import func, select, update

from press_app.benches import rules
from press_app.benches.errors import BenchNotEmpty, BenchUnknown
from press_app.benches.lifecycle import LIFECYCLE, BenchEvent, BenchStatus
from press_app.benches.model import Bench
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
from press_app.servers.lifecycle import LIFECYCLE as SERVER_LIFECYCLE
from press_app.work.unit_of_work import UnitOfWork

DEPLOY_WITHIN = timedelta(minutes=20)
RETIRE_WITHIN = timedelta(minutes=5)
DEFAULT_MEMORY_BYTES = 2 * 1024**3
DEFAULT_MAX_SITES = 200


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
    counts = dict(
        uow.session.execute(select(Bench.server_id, func.count()).group_by(Bench.server_id)).tuples()
    )
    candidates = [
        server_rules.Candidate(
            server_id=server.id,
            is_open=SERVER_LIFECYCLE.allows(server.status, "place"),
            benches=counts.get(server.id, 0),
        )
        for server in servers.list_working(uow.session)
    ]
    return server_rules.choose_server(candidates)


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
        "memory_bytes": bench.memory_bytes,
    }


def on_deploy_finished(uow: UnitOfWork, job: Job) -> None:
    """The agent answers for a deployment."""
    bench = get_bench(uow.session, job.params["bench_id"])
    if bench.status is not BenchStatus.DEPLOYING:
        return
    if job.status is JobStatus.SUCCEEDED and job.result:
        bench.url = str(job.result["url"])
        bench.facts = job.result
        bench.error = None
        bench.apply(BenchEvent.DEPLOYED, uow.now())
    else:
        bench.error = job.error
        bench.apply(BenchEvent.FAILED, uow.now())
    uow.record(f"bench.{bench.status}", bench.target, f"The bench is {bench.status}.", job_id=job.id)


def request_retire(uow: UnitOfWork, bench: Bench) -> Job:
    """Stop an empty bench and remove its programs. Raises :class:`BenchNotEmpty`."""
    if bench.site_count:
        message = (
            f"{bench.site_count} sites stand on this bench. Nothing was changed. Move or archive them first."
        )
        raise BenchNotEmpty(message, site_count=bench.site_count)
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


def take_place(uow: UnitOfWork) -> Bench:
    """A place on a running bench; counted at once, so that two orders never take the last one.

    Raises :class:`press_app.benches.errors.NoBench`.
    """
    running = uow.session.scalars(select(Bench).where(Bench.status == BenchStatus.RUNNING)).all()
    places = [rules.Place(bench.id, bench.site_count, bench.max_sites) for bench in running]
    bench_id = rules.choose_bench(places)
    _count(uow, bench_id, 1)
    return get_bench(uow.session, bench_id)


def give_place_back(uow: UnitOfWork, bench_id: str) -> None:
    """The site is gone from the bench."""
    _count(uow, bench_id, -1)


def keep_place(uow: UnitOfWork, bench_id: str) -> None:
    """A site comes back to the bench it was on."""
    _count(uow, bench_id, 1)


def _count(uow: UnitOfWork, bench_id: str, change: int) -> None:
    # Past the row's version on purpose: counting must not make a deployment lose its race.
    uow.session.execute(
        update(Bench)
        .where(Bench.id == bench_id)
        .values(site_count=Bench.site_count + change)
        .execution_options(synchronize_session=False)
    )


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


def list_urls(session: Session | ReadSession) -> dict[str, str]:
    """Where the edge reaches each bench."""
    rows = session.execute(select(Bench.id, Bench.url).where(Bench.url.is_not(None))).tuples()
    return {bench_id: url for bench_id, url in rows if url}
