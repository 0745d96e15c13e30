"""Benches themselves: deployed, retired, told about."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from press_app.benches.errors import BenchNotEmpty, ServerNotEmpty
from press_app.benches.events import BenchRetireWanted
from press_app.benches.lifecycle import LIFECYCLE, BenchEvent, BenchStatus
from press_app.benches.model import Bench
from press_app.benches.service import reads
from press_app.edge.render import is_plain_url
from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession
from press_app.kit.ids import new_id
from press_app.kit.locale import CONTRACTS_OWN, Locale, name_if_other
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


def add_bench(
    uow: UnitOfWork,
    *,
    release_id: str,
    server_id: str | None = None,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    max_sites: int = DEFAULT_MAX_SITES,
    home: Locale = CONTRACTS_OWN,
) -> Bench:
    """Plan a bench and promise its deployment, with templates for ``home``; without a server the emptiest one is chosen."""
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
    request_deploy(uow, bench, home=home)
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


def request_deploy(uow: UnitOfWork, bench: Bench, *, home: Locale = CONTRACTS_OWN) -> Job:
    """Deploy, or deploy again, with templates for ``home``; keeps the sites."""
    bench.apply(BenchEvent.DEPLOY, uow.now())
    release = releases.get_release(uow.session, bench.release_id)
    return jobs.request_job(
        uow,
        server_id=bench.server_id,
        operation="deploy_bench",
        target=bench.target,
        params=_deploy_params(bench, release, home),
        purpose=f"Deploy {release.name}",
        within=DEPLOY_WITHIN,
    )


def _deploy_params(bench: Bench, release: Release, home: Locale) -> dict[str, object]:
    return {
        "bench_id": bench.id,
        "engine": release.engine,
        # What an agent of before does not know, and would refuse, is left out where nothing is said by it.
        "release": {
            "name": release.name,
            "version": release.engine_version,
            **({"base": release.base} if release.base else {}),
        },
        "app_sets": release.app_sets,
        **({"sources": release.sources} if release.sources else {}),
        **name_if_other(home),
        "memory_bytes": bench.memory_bytes,
    }


def on_deploy_finished(uow: UnitOfWork, job: Job) -> None:
    """The agent answers for a deployment."""
    bench = reads.get_bench(uow.session, job.params["bench_id"])
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
    bench = reads.get_bench(uow.session, job.params["bench_id"])
    if bench.status is BenchStatus.RETIRING:
        is_gone = job.status is JobStatus.SUCCEEDED
        bench.error = None if is_gone else job.error
        bench.apply(BenchEvent.RETIRED if is_gone else BenchEvent.FAILED, uow.now())


def move(uow: UnitOfWork, bench: Bench, event: BenchEvent) -> None:
    """Drain or reopen."""
    bench.apply(event, uow.now())
    uow.record(f"bench.{bench.status}", bench.target, f"The bench is {bench.status}.")


def on_server_retire_wanted(uow: UnitOfWork, event: ServerRetireWanted) -> None:
    """Raises :class:`ServerNotEmpty` while benches stand on the server."""
    standing = [
        bench.id
        for bench in reads.list_on(uow.session, event.server_id)
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
    bench = reads.get_bench(uow.session, bench_id)
    if bench.deadline_at is None or bench.deadline_at >= uow.now() or lease.find(uow, bench.target):
        return
    message = (
        f"It was {bench.status} for too long. Its sites were not touched by this. Deploy or retire it again."
    )
    bench.error = {"code": "deadline_passed", "message": message}
    bench.apply(BenchEvent.FAILED, uow.now())
    uow.record("bench.broken", bench.target, message)
