"""What a site asks of the database server that it shares with others, as its host has it now."""

from fastapi import APIRouter
from pydantic import BaseModel

from press_app.access.dependencies import AgentsDep, SubjectDep, WorkDep
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.benches import service as benches
from press_app.sites.endpoints import parts
from press_app.sites.errors import SiteNotReady

router = APIRouter(prefix="/v1/sites", tags=["sites"])


class DatabaseStats(BaseModel):
    """What a site asks of a database server that it shares; null where it shares none, or the server counts nothing."""

    site_id: str
    busy_seconds: float | None
    rows_read: int | None
    slow_queries: int | None
    """That took longer than a second, since the last night; the others since the server was started."""
    slowest_seconds: float | None


@router.get(
    "/{site_id}/database",
    operation_id="read_database_stats",
    responses=problems(401, 403, 404, 409, 422, 502, 503),
)
def read_database_stats(site_id: str, work: WorkDep, who: SubjectDep, agents: AgentsDep) -> DatabaseStats:
    """How long the server worked for the site, and how many of its queries were slow; null where it shares none."""
    with work.read() as session:
        site = parts.get(session, who, site_id, Permission.SITES_READ)
        if not site.has_place or site.bench_id is None:
            message = f"{site.name} is {site.status}, and stands on no bench. There is nothing to measure."
            raise SiteNotReady(message, site_id=site.id)
        bench_id, address = site.bench_id, benches.find_address(session, site.bench_id)
    figures = agents.read_database_stats(address, bench_id, site_id)
    return DatabaseStats(site_id=site_id, **figures)
