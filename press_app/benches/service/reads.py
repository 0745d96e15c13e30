"""Reading benches, and what their releases offer."""

from collections.abc import Collection

from sqlalchemy import select

from press_app.agents.port import AgentAddress
from press_app.benches.errors import BenchUnknown
from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench
from press_app.kit.db import ReadSession, Session
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.releases import service as releases
from press_app.releases.model import Release
from press_app.servers import service as servers


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


def find_address(session: ReadSession, bench_id: str) -> AgentAddress:
    """Where the agent of its server listens. Raises ``bench_unknown``, and ``server_not_enrolled`` without one."""
    return servers.get_server(session, get_bench(session, bench_id).server_id).address


def get_release_of(session: Session | ReadSession, bench_id: str) -> Release:
    """The release that runs there. Raises :class:`BenchUnknown`."""
    return releases.get_release(session, get_bench(session, bench_id).release_id)


def list_offered(session: Session | ReadSession, bench: Bench) -> tuple[str, ...]:
    """The apps that sites on it may have, ``base`` first."""
    return releases.list_offered(releases.get_release(session, bench.release_id))


def list_offers(session: Session | ReadSession) -> list[tuple[str, ...]]:
    """What each running bench offers."""
    return [list_offered(session, bench) for bench in list_running(session)]
