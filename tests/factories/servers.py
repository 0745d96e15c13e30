"""Builders of servers, releases and benches that are ready for sites."""

from collections.abc import Sequence
from itertools import count

from joserfc.jwk import OKPKey

from press_app.benches import service as benches
from press_app.benches.lifecycle import LIFECYCLE, BenchEvent
from press_app.benches.model import Bench
from press_app.releases import service as releases
from press_app.releases.model import Release
from press_app.servers import service as servers
from press_app.servers.model import Server
from press_app.work.unit_of_work import UnitOfWork

_number = count(1)


def make_key() -> OKPKey:
    """An agent's key pair."""
    return OKPKey.generate_key("Ed25519")


def make_server(uow: UnitOfWork, *, key: OKPKey | None = None, name: str | None = None) -> Server:
    """A server whose agent is enrolled."""
    server = servers.add_server(uow, name=name or f"host-{next(_number)}")
    public = (key or make_key()).as_pem(private=False).decode()
    return servers.enroll(uow, server.id, url="http://127.0.0.1:9000", agent_key=public)


APP_SETS = (["base"], ["base", "crm", "hr"])


def make_release(
    uow: UnitOfWork,
    name: str = "tryton-8",
    engine: str = "tryton",
    *,
    app_sets: Sequence[list[str]] = APP_SETS,
    sources: Sequence[dict[str, str]] = (),
) -> Release:
    """A release with templates for the small and the large plan."""
    return releases.add_release(
        uow, name=name, engine=engine, engine_version="8.0", app_sets=list(app_sets), sources=sources
    )


def make_bench(
    uow: UnitOfWork,
    server: Server,
    *,
    max_sites: int = 100,
    engine: str = "tryton",
    release: Release | None = None,
) -> Bench:
    """A bench that serves, without the job that would have made it."""
    release = release or make_release(uow, f"{engine}-8", engine)
    bench = Bench(
        id=f"{next(_number):08d}-0000-7000-8000-000000000000",
        server_id=server.id,
        release_id=release.id,
        memory_bytes=benches.DEFAULT_MEMORY_BYTES,
        max_sites=max_sites,
        site_count=0,
        url="http://127.0.0.1:7001",
        created_at=uow.now(),
    )
    bench.enter(LIFECYCLE.initial, uow.now())
    bench.apply(BenchEvent.DEPLOY, uow.now())
    bench.apply(BenchEvent.DEPLOYED, uow.now())
    uow.session.add(bench)
    uow.session.flush()
    return bench
