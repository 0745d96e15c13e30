"""What the host holds, and how the agent is."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import redis
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from agent import __version__
from agent.api.problems import responses
from agent.api.security import Guard, get_agent, get_guard, raw_body
from agent.bootstrap import Agent
from agent.engines.errors import BenchUnknown
from agent.engines.port import BenchStatus, SiteState
from agent.errors import AgentError
from agent.host import files
from agent.host.clock import read_time
from agent.jobs.worker import count_live_workers

LOG_BYTES = 64 << 10
LONGEST_BACKLOG = timedelta(seconds=60)
router = APIRouter(tags=["status"])


class BenchView(BaseModel):
    """A bench that runs here."""

    id: str
    engine: str
    release: str
    status: BenchStatus
    url: str
    memory_bytes: int


class SiteView(BaseModel):
    """A site that this host holds."""

    id: str
    bench_id: str
    hostname: str
    state: SiteState
    size_bytes: int


class State(BaseModel):
    """What the host really holds."""

    server_id: str
    ledger_id: str
    version: str
    disk_free_bytes: int
    benches: list[BenchView]
    sites: list[SiteView]
    open_jobs: list[str]


class BenchLog(BaseModel):
    """The end of what a bench printed."""

    bench_id: str
    text: str


class BenchStats(BaseModel):
    """What a bench takes at this moment."""

    bench_id: str
    status: BenchStatus
    memory_bytes: int
    memory_limit_bytes: int
    processor_seconds: float
    processes: int


class DatabaseStats(BaseModel):
    """What a site asks of a database server that it shares with others; null figures where nothing is shared or counted."""

    site_id: str
    busy_seconds: float | None = None
    rows_read: int | None = None
    slow_queries: int | None = None
    slowest_seconds: float | None = None


class Health(BaseModel):
    """The process lives."""

    status: str
    version: str


class Readiness(BaseModel):
    """Each dependency and whether it is up."""

    ready: bool
    checks: dict[str, str]


@router.get("/v1/state", responses=responses(401, 503))
def get_state(
    body: Annotated[bytes, Depends(raw_body)],
    request: Request,
    guard: Annotated[Guard, Depends(get_guard)],
    agent: Annotated[Agent, Depends(get_agent)],
) -> State:
    """List benches, sites and open jobs as they are now."""
    guard.check(request, body, "state.read")
    return read_state(agent)


@router.get("/v1/benches/{bench_id}/log", responses=responses(401, 404, 422, 503))
def get_bench_log(
    bench_id: str,
    body: Annotated[bytes, Depends(raw_body)],
    request: Request,
    guard: Annotated[Guard, Depends(get_guard)],
    agent: Annotated[Agent, Depends(get_agent)],
) -> BenchLog:
    """The end of what the bench's programs printed, at most 64 KiB."""
    guard.check(request, body, "benches.read")
    engine = agent.host.engines.get_for_bench(bench_id)
    return BenchLog(bench_id=bench_id, text=engine.read_bench_log(bench_id, LOG_BYTES))


@router.get("/v1/benches/{bench_id}/stats", responses=responses(401, 404, 422, 503))
def get_bench_stats(
    bench_id: str,
    body: Annotated[bytes, Depends(raw_body)],
    request: Request,
    guard: Annotated[Guard, Depends(get_guard)],
    agent: Annotated[Agent, Depends(get_agent)],
) -> BenchStats:
    """What the bench takes now: memory and processor time of all its programs."""
    guard.check(request, body, "benches.read")
    bench = agent.host.engines.get_for_bench(bench_id).find_bench(bench_id)
    if bench is None:
        raise BenchUnknown(f"Bench {bench_id} is not on this host. Deploy it first.")
    facts = {name: getattr(bench, name) for name in BenchStats.model_fields}
    return BenchStats(**facts)


@router.get("/v1/benches/{bench_id}/sites/{site_id}/database", responses=responses(401, 404, 422, 503))
def get_database_stats(
    bench_id: str,
    site_id: str,
    body: Annotated[bytes, Depends(raw_body)],
    request: Request,
    guard: Annotated[Guard, Depends(get_guard)],
    agent: Annotated[Agent, Depends(get_agent)],
) -> DatabaseStats:
    """What the site asks of its database server."""
    guard.check(request, body, "benches.read")
    use = agent.host.engines.get_for_bench(bench_id).measure_database(bench_id, site_id)
    return DatabaseStats(site_id=site_id, **({} if use is None else asdict(use)))


@router.get("/health")
def get_health() -> Health:
    """Answer while the process lives."""
    return Health(status="ok", version=__version__)


@router.get("/ready", responses={503: {"model": Readiness, "description": "Something is down"}})
def get_ready(agent: Annotated[Agent, Depends(get_agent)]) -> JSONResponse:
    """Check each dependency and name what is down."""
    checks = {name: _ask(check) for name, check in readiness_checks(agent).items()}
    ready = all(answer == "ok" for answer in checks.values())
    checks["enrolment"] = "none yet" if agent.identity.find_enrolment() is None else "ok"
    view = Readiness(ready=ready, checks=checks)
    return JSONResponse(view.model_dump(), status_code=200 if ready else 503)


@router.get("/metrics", response_class=Response)
def get_metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


def read_state(agent: Agent) -> State:
    """Ask every engine what it holds."""
    benches: list[BenchView] = []
    sites: list[SiteView] = []
    enrolment = agent.identity.find_enrolment()
    for engine in agent.host.engines.list_all():
        for bench in engine.list_benches():
            view: dict[str, Any] = vars(bench) | {"id": bench.bench_id, "engine": engine.name}
            benches.append(BenchView.model_validate(view))
            sites += [
                SiteView.model_validate(vars(site) | {"id": site.site_id})
                for site in engine.list_sites(bench.bench_id)
            ]
    return State(
        server_id="" if enrolment is None else enrolment.server_id,
        ledger_id=agent.ledger.ledger_id,
        version=__version__,
        disk_free_bytes=files.free_bytes(agent.settings.data_dir),
        benches=benches,
        sites=sites,
        open_jobs=[record.job.id for record in agent.ledger.list_open()],
    )


def readiness_checks(agent: Agent) -> dict[str, Callable[[], str]]:
    """Return the checks by name; each answers ``ok`` or what is wrong, or raises."""

    def ledger() -> str:
        agent.ledger.prune()
        return "ok"

    def queue() -> str:
        agent.doorbell.ping()
        return "ok"

    def disk() -> str:
        free = files.free_bytes(agent.settings.data_dir)
        return "ok" if free >= agent.settings.min_disk_free_bytes else f"only {free} bytes are free"

    def executor() -> str:
        agent.executor.find_status("none")
        return "ok"

    def reporter() -> str:
        oldest = agent.ledger.find_oldest_unacknowledged()
        is_late = oldest is not None and agent.clock() - read_time(oldest) > LONGEST_BACKLOG
        return f"the control plane has not taken events since {oldest}" if is_late else "ok"

    def workers() -> str:
        alive = count_live_workers(agent.settings.data_dir, agent.settings.workers)
        return "ok" if alive == agent.settings.workers else f"{alive} of {agent.settings.workers} are running"

    def store() -> str:
        return agent.store_watch.said

    return {
        "ledger": ledger,
        "redis": queue,
        "disk": disk,
        "executor": executor,
        "reporter": reporter,
        "workers": workers,
        "store": store,
    }


def _ask(check: Callable[[], str]) -> str:
    try:
        return check()
    except (AgentError, redis.RedisError, OSError) as error:
        return str(error) or type(error).__name__
