"""Doors of the job machinery for workers."""

from collections.abc import Mapping

import structlog

from press_app.agents.port import AgentRefused, Agents
from press_app.errors import PressError
from press_app.jobs import service
from press_app.jobs.lifecycle import JobStatus
from press_app.servers import service as servers
from press_app.servers.model import Server
from press_app.work.task import sweep, task
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

READ_AT_ONCE = 500
"""Events that an agent gives at a time; fewer mean that there are no more."""


@task("job.deliver", queue="urgent", max_attempts=1_000_000, max_wait_seconds=5, lease_seconds=30)
def deliver(*, work: Work, agents: Agents, correlation_id: str, job_id: str) -> None:
    """Put the job to its agent; a silent or busy agent is asked again with growing waits, until the deadline."""
    with work.read() as session:
        job = service.get_job(session, job_id)
        address = servers.get_server(session, job.server_id).address
    if job.status is not JobStatus.QUEUED:
        return
    if work.clock.now() > job.due_at:
        give_up(work, agents, job_id, correlation_id)
        return
    try:
        agents.put_job(address, service.order_of(job))
    except AgentRefused as refused:
        with work.begin(actor=f"agent:{job.server_id}", correlation_id=correlation_id) as uow:
            code = str(refused.context.get("agent_code") or refused.code)
            service.on_refused(uow, job_id, code=code, message=refused.message)
        return
    with work.begin(actor="worker", correlation_id=correlation_id) as uow:
        service.on_delivered(uow, job_id)


@task("job.settle", queue="urgent", max_attempts=1_000, max_wait_seconds=30, lease_seconds=30)
def settle(
    *, work: Work, finishers: Mapping[str, service.Finisher], correlation_id: str, job_id: str
) -> None:
    """Give the result to the slice that asked for the job."""
    with work.begin(actor="worker", correlation_id=correlation_id) as uow:
        service.settle(uow, job_id, finishers)


@sweep("job.watch", schedule="* * * * * */5")
def watch(*, work: Work, correlation_id: str) -> None:
    """Have agents with open jobs asked for news that was not heard, and ended jobs settled that nobody settled."""
    with work.read() as session:
        server_ids = service.list_servers_with_open(session)
        unsettled = service.list_unsettled(session)
    if not server_ids and not unsettled:
        return
    with work.begin(actor="worker", correlation_id=correlation_id) as uow:
        for job_id in unsettled:
            uow.enqueue("job.settle", unique_key=f"settle:{job_id}", job_id=job_id)
        for server_id in server_ids:
            uow.enqueue("job.listen", unique_key=f"listen:{server_id}", server_id=server_id)


# Not one attempt only: a worker that dies over it must not leave a dead task that a person has to look at.
@task("job.listen", max_attempts=100, max_wait_seconds=5, lease_seconds=120)
def listen(*, work: Work, agents: Agents, correlation_id: str, server_id: str) -> None:
    """Ask one agent for its news, and about jobs whose time is over; one that is away keeps nobody else waiting."""
    try:
        while _read_on(work, agents, server_id, correlation_id) == READ_AT_ONCE:
            pass
        with work.read() as session:
            late = [job for job in service.list_open(session, server_id) if job.due_at < work.clock.now()]
        for job in late:
            give_up(work, agents, job.id, correlation_id)
    except PressError as error:
        log.warning("agent.not_heard", server_id=server_id, code=error.code, error=error.message)


def _read_on(work: Work, agents: Agents, server_id: str, correlation_id: str) -> int:
    """Read one page of an agent's news and store it. Returns how many events it had."""
    with work.read() as session:
        server = servers.get_server(session, server_id)
        feed = servers.find_feed(session, server_id)
        is_quiet = servers.is_quiet(feed, work.clock.now())
    batch = agents.read_events(server.address, feed.cursor if feed else 0)
    if feed is not None and feed.ledger_id not in {"", batch.ledger_id}:
        batch = agents.read_events(server.address, 0)
    if batch.events or is_quiet:
        with work.begin(actor=f"agent:{server_id}", correlation_id=correlation_id) as uow:
            service.on_agent_events(uow, server, batch.ledger_id, batch.events, is_complete=True)
    return len(batch.events)


def give_up(work: Work, agents: Agents, job_id: str, correlation_id: str) -> None:
    """Past its deadline: ask the agent what became of it; only 'never heard of it' makes it lost."""
    with work.read() as session:
        job = service.get_job(session, job_id)
        server: Server = servers.get_server(session, job.server_id)
    snapshot = agents.find_job(server.address, job_id)
    with work.begin(actor=f"agent:{server.id}", correlation_id=correlation_id) as uow:
        if snapshot is None:
            service.on_lost(uow, job_id)
        else:
            service.take_snapshot(uow, job_id, snapshot)


@task("job.forget", schedule="7 * * * *", max_attempts=1)
def forget(*, work: Work) -> None:
    """Remove credentials that are used up, secrets that expired, and jobs of long ago."""
    with work.begin(actor="worker") as uow:
        servers.forget_credentials(uow)
        service.forget_old(uow)


TASKS = (deliver, settle, watch, listen, forget)
