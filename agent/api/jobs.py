"""Jobs and events over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from agent.api.problems import responses
from agent.api.security import Guard, get_agent, get_guard, raw_body
from agent.bootstrap import Agent
from agent.jobs.model import EventPage, Job
from agent.jobs.service import JobRequest, JobService

MAX_EVENTS = 500
JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Body = Annotated[bytes, Depends(raw_body)]
router = APIRouter(prefix="/v1", tags=["jobs"])


def get_service(request: Request) -> JobService:
    service: JobService = request.app.state.service
    return service


@router.put(
    "/jobs/{job_id}",
    status_code=202,
    responses=responses(
        400,
        401,
        404,
        409,
        413,
        422,
        423,
        503,
        also={200: {"model": Job, "description": "The same job again"}},
    ),
)
def put_job(
    job_id: JobId,
    job: JobRequest,
    body: Body,
    request: Request,
    response: Response,
    guard: Annotated[Guard, Depends(get_guard)],
    service: Annotated[JobService, Depends(get_service)],
) -> Job:
    """Take a job on. It is on disk when this answers, and runs once however often it is sent."""
    guard.check(request, body, job.operation, job_id)
    accepted, is_new = service.accept(job_id, job)
    if not is_new:
        response.status_code = 200
    return accepted


@router.get("/jobs/{job_id}", responses=responses(401, 404, 422, 503))
def get_job(
    job_id: JobId,
    body: Body,
    request: Request,
    guard: Annotated[Guard, Depends(get_guard)],
    agent: Annotated[Agent, Depends(get_agent)],
) -> Job:
    """Read a job as it stands."""
    guard.check(request, body, "jobs.read")
    return agent.ledger.get_job(job_id)


@router.get("/events", responses=responses(401, 422, 503))
def list_events(
    body: Body,
    request: Request,
    guard: Annotated[Guard, Depends(get_guard)],
    agent: Annotated[Agent, Depends(get_agent)],
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 100,
) -> EventPage:
    """Read events by cursor; what a push lost is found here."""
    guard.check(request, body, "events.read")
    return agent.ledger.list_events(after, limit)
