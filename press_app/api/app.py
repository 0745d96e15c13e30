"""Puts the HTTP application together from what the composition root made."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry

from press_app import __version__
from press_app.agents.port import Agents
from press_app.api import accounts, docs, health, metrics, stream, teams
from press_app.api.health import list_checks
from press_app.api.metrics import DatabaseCollector, HttpMetrics
from press_app.api.middleware import add_middleware
from press_app.api.openapi import install_openapi
from press_app.api.problems import add_problem_handlers
from press_app.api.stream import StreamCounter
from press_app.api.text import refuse_half_characters
from press_app.api.watch import JournalWatch
from press_app.backups import endpoints as backups
from press_app.benches import endpoints as benches
from press_app.billing import endpoints as billing
from press_app.config import Settings
from press_app.edge.port import Edge
from press_app.invariants import endpoints as invariants
from press_app.jobs import endpoints as jobs
from press_app.keys import endpoints as keys
from press_app.kit.throttle import Throttle
from press_app.plans import endpoints as plans
from press_app.releases import endpoints as releases
from press_app.servers import endpoints as servers
from press_app.sites import endpoints as sites
from press_app.spares import endpoints as spares
from press_app.work.unit_of_work import Work

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    docs.router,
    accounts.router,
    teams.router,
    keys.router,
    plans.router,
    servers.router,
    releases.router,
    benches.router,
    spares.router,
    sites.router,
    backups.router,
    backups.policy,
    jobs.router,
    billing.router,
    invariants.router,
    stream.router,
)


class Runtime(Protocol):
    """What the composition root made."""

    @property
    def settings(self) -> Settings: ...

    @property
    def work(self) -> Work: ...

    @property
    def agents(self) -> Agents: ...

    @property
    def edge(self) -> Edge: ...

    @property
    def agent_public_key(self) -> str: ...


def create_app(
    runtime: Runtime, *, routers: Sequence[APIRouter] = ROUTERS, redis_url: str | None = None
) -> FastAPI:
    """The application; ``redis_url`` None counts attempts in memory and follows the journal by polling."""
    settings, work = runtime.settings, runtime.work
    watch = JournalWatch(work, redis_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with watch.running():
            yield

    app = FastAPI(
        title="Press control plane",
        version=__version__,
        description="Teams, plans, servers, sites, subscriptions and jobs of an ERP cloud.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(refuse_half_characters)],
    )
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(work))
    local = Throttle()
    app.state.runtime = runtime
    app.state.settings = settings
    app.state.work = work
    app.state.agents = runtime.agents
    app.state.agent_public_key = runtime.agent_public_key
    app.state.throttle = Throttle(redis_url)
    app.state.local_throttle = local
    app.state.watch = watch
    app.state.streams = StreamCounter()
    app.state.registry = registry
    app.state.checks = list_checks(work, runtime.edge, edge_hostname=f"ready.{settings.site_domain}")
    for router in routers:
        app.include_router(router)
    add_problem_handlers(app)
    add_middleware(app, settings, local, HttpMetrics(registry))
    install_openapi(app)
    return app
