"""HTTP doors of the jobs: for people, and for the agents' news."""

import asyncio
from typing import Annotated

from asgi_correlation_id.context import correlation_id
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from press_app.access.dependencies import PageDep, SubjectDep, WorkDep
from press_app.access.problems import problems
from press_app.access.rules import Permission
from press_app.jobs import service
from press_app.jobs.errors import JobUnknown
from press_app.jobs.schemas import Acknowledged, AgentEvents, JobPage, JobView, SecretsAnswer, SecretsRequest
from press_app.servers import service as servers
from press_app.work.unit_of_work import Work

router = APIRouter(prefix="/v1", tags=["jobs"])

SLOW_PUSH_SECONDS = 30


@router.get("/jobs", operation_id="list_jobs", responses=problems(401, 403, 422))
def list_jobs(
    work: WorkDep,
    who: SubjectDep,
    page: PageDep,
    target: Annotated[str | None, Query(max_length=64, description="`site:<id>` or `bench:<id>`.")] = None,
) -> JobPage:
    """Jobs of your teams, newest first."""
    team_ids = who.team_ids(Permission.JOBS_READ)
    with work.read() as session:
        found = service.list_jobs(session, page, team_ids=team_ids, target=target)
        return JobPage(items=[JobView.of(job) for job in found.items], next_cursor=found.next_cursor)


@router.get("/jobs/{job_id}", operation_id="get_job", responses=problems(401, 403, 404, 422))
def get_job(job_id: str, work: WorkDep, who: SubjectDep) -> JobView:
    """One job with its steps."""
    with work.read() as session:
        job = service.get_job(session, job_id)
        message = f"There is no job {job_id}."
        who.require_team(job.team_id, Permission.JOBS_READ, missing=JobUnknown(message, job_id=job_id))
        return JobView.of(job)


@router.post(
    "/agent-events", operation_id="push_agent_events", tags=["agents"], responses=problems(401, 409, 422)
)
async def push_agent_events(body: AgentEvents, request: Request, work: WorkDep) -> Acknowledged:
    """News of an agent, signed with its key; at least once, in order."""
    raw = await request.body()
    return await asyncio.wait_for(
        run_in_threadpool(_take_events, body, raw, request, work), SLOW_PUSH_SECONDS
    )


def _take_events(body: AgentEvents, raw: bytes, request: Request, work: Work) -> Acknowledged:
    authorization = request.headers.get("authorization")
    with work.begin(actor="agent", correlation_id=correlation_id.get()) as uow:
        server = servers.authenticate_agent(uow, authorization, operation="events.push", body=raw)
        request.state.actor = uow.actor = f"agent:{server.id}"
        events = [event.model_dump() for event in body.events]
        return Acknowledged(acknowledged=service.on_agent_events(uow, server, body.ledger_id, events))


@router.post(
    "/agent-secrets",
    operation_id="fetch_agent_secrets",
    tags=["agents"],
    responses=problems(401, 403, 409, 422),
)
async def fetch_agent_secrets(body: SecretsRequest, request: Request, work: WorkDep) -> SecretsAnswer:
    """The secrets that an open job names, for the agent that has it."""
    raw = await request.body()
    return await run_in_threadpool(_read_secrets, body, raw, request, work)


def _read_secrets(body: SecretsRequest, raw: bytes, request: Request, work: Work) -> SecretsAnswer:
    authorization = request.headers.get("authorization")
    with work.begin(actor="agent", correlation_id=correlation_id.get()) as uow:
        server = servers.authenticate_agent(uow, authorization, operation="secrets.fetch", body=raw)
        request.state.actor = uow.actor = f"agent:{server.id}"
        return SecretsAnswer(secrets=service.read_secrets(uow, server, body.job_id, body.refs))
