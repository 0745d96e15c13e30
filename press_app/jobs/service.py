"""What can be done with jobs: promise, deliver, hear, settle."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete

from press_app.agents.port import JobOrder
from press_app.jobs import repository
from press_app.jobs.errors import JobUnknown, SecretRefused
from press_app.jobs.lifecycle import LIFECYCLE, JobEvent, JobStatus
from press_app.jobs.model import Job, Secret
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.servers import service as servers
from press_app.servers.model import Server
from press_app.work import lease
from press_app.work.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

Finisher = Callable[[UnitOfWork, Job], None]
"""Takes the result of an ended job into the slice that asked for it; called once per job, in its own transaction."""

ROUTINE = frozenset({"measure_usage", "prepare_site", "delete_backups"})
"""Always routine."""

KEEP_JOBS = timedelta(days=180)
KEEP_ROUTINE = timedelta(hours=6)

ENDINGS = {"succeeded": JobEvent.SUCCEED, "failed": JobEvent.FAIL, "cancelled": JobEvent.CANCEL}


def request_job(
    uow: UnitOfWork,
    *,
    server_id: str,
    operation: str,
    target: str,
    params: dict[str, Any],
    purpose: str,
    within: timedelta,
    team_id: str | None = None,
    is_exclusive: bool = True,
    is_routine: bool = False,
) -> Job:
    """Promise a job. An exclusive one holds the lease of its target until it is settled; a routine one tells nobody.

    Short jobs that change no data (a login link, a measurement) wait their turn at the agent instead.
    Raises :class:`press_app.work.lease.SubjectBusy` while another job works on the target.
    """
    now = uow.now()
    job = Job(
        id=new_id(),
        server_id=server_id,
        team_id=team_id,
        operation=operation,
        target=target,
        purpose=purpose,
        is_routine=is_routine or operation in ROUTINE,
        params=params,
        due_at=now + within,
        agent_seq=0,
        steps=[],
        correlation_id=uow.correlation_id,
        created_at=now,
    )
    job.enter(LIFECYCLE.initial, now)
    if is_exclusive:
        # Twice the time: the lease is given back when the job is settled, and outlives a job that is late.
        lease.hold(uow, target, holder=job.id, purpose=purpose, within=within * 2)
    uow.session.add(job)
    _tell(uow, job, "job.queued", purpose, operation=operation)
    uow.enqueue("job.deliver", job_id=job.id)
    return job


def order_of(job: Job) -> JobOrder:
    """The job as it goes to the agent; the same each time."""
    return JobOrder(
        job_id=job.id,
        operation=job.operation,
        target=job.target,
        params=job.params,
        deadline=job.due_at,
        correlation_id=job.correlation_id,
    )


def on_delivered(uow: UnitOfWork, job_id: str) -> None:
    """The agent has it."""
    job = get_job(uow.session, job_id)
    if job.status is JobStatus.QUEUED:
        job.apply(JobEvent.DELIVER, uow.now())


def on_refused(uow: UnitOfWork, job_id: str, *, code: str, message: str) -> None:
    """The agent refused it before it touched anything."""
    job = get_job(uow.session, job_id)
    if job.is_open:
        job.error = {"code": code, "message": message, "step": None, "compensated": True}
        _end(uow, job, JobEvent.FAIL)


def on_lost(uow: UnitOfWork, job_id: str) -> None:
    """The agent was asked and does not know it, and its time is over."""
    job = get_job(uow.session, job_id)
    if job.is_open:
        message = "The agent does not know this job and its time is over. Whether anything was made is checked next."
        job.error = {"code": "job_lost", "message": message, "step": None, "compensated": False}
        _end(uow, job, JobEvent.LOSE)


def on_agent_events(
    uow: UnitOfWork,
    server: Server,
    ledger_id: str,
    events: Iterable[Mapping[str, Any]],
    *,
    is_complete: bool = False,
) -> int:
    """Take news of an agent: each at least once, in any number of copies and any order. Returns the highest seq known.

    A gap in what was pushed keeps the cursor before it, so that the next reading fills it; what was read by cursor
    is complete, and gaps in it are the agent's own.
    """
    feed = servers.get_feed(uow, server.id)
    if feed.ledger_id != ledger_id:
        feed.ledger_id = ledger_id
        feed.cursor = 0
        for job in repository.list_open(uow.session, server.id):
            job.agent_seq = 0
    feed.heard_at = uow.now()
    highest = feed.cursor
    for event in sorted(events, key=lambda event: int(event["seq"])):
        seq = int(event["seq"])
        highest = max(highest, seq)
        if seq > feed.cursor:
            _take(uow, server, seq, event)
            if is_complete or seq == feed.cursor + 1:
                feed.cursor = seq
    return highest


def take_snapshot(uow: UnitOfWork, job_id: str, snapshot: Mapping[str, Any]) -> None:
    """Take the job as the agent told it when asked."""
    job = get_job(uow.session, job_id)
    if job.is_open:
        _copy(uow, job, snapshot)


def _take(uow: UnitOfWork, server: Server, seq: int, event: Mapping[str, Any]) -> None:
    job = uow.session.get(Job, str(event["job_id"]))
    if job is None or job.server_id != server.id:
        log.warning("agent_event.unknown_job", server_id=server.id, job_id=event["job_id"])
        return
    if not job.is_open or seq <= job.agent_seq:
        return
    job.agent_seq = seq
    _copy(uow, job, event["job"])


def _copy(uow: UnitOfWork, job: Job, snapshot: Mapping[str, Any]) -> None:
    steps = list(snapshot.get("steps") or [])
    if steps != job.steps:
        changed = [step for step in steps if step not in job.steps and step.get("state") != "pending"]
        job.steps = steps
        for step in changed:
            title = f"{step.get('title', step.get('key'))}: {step.get('state')}"
            _tell(uow, job, "job.step", title, step=step)
    status = snapshot.get("status")
    if status in ENDINGS:
        job.result = snapshot.get("result")
        job.error = snapshot.get("error")
        _end(uow, job, ENDINGS[status])
    elif status == "running" and job.status is not JobStatus.RUNNING:
        job.apply(JobEvent.START, uow.now())


def _end(uow: UnitOfWork, job: Job, event: JobEvent) -> None:
    job.apply(event, uow.now())
    job.ended_at = uow.now()
    message = f"{job.purpose}: {job.status}"
    if job.error:
        message += f". {job.error.get('message', '')}"
    _tell(uow, job, f"job.{job.status}", message, operation=job.operation)
    uow.enqueue("job.settle", unique_key=f"settle:{job.id}", job_id=job.id)


def _tell(uow: UnitOfWork, job: Job, kind: str, message: str, **data: object) -> None:
    if not job.is_routine:
        uow.record(kind, job.target, message, team_id=job.team_id, job_id=job.id, **data)


def settle(uow: UnitOfWork, job_id: str, finishers: Mapping[str, Finisher]) -> None:
    """Hand the result to the slice that asked for it, once."""
    job = get_job(uow.session, job_id)
    if job.is_open or job.settled_at is not None:
        return
    lease.release(uow, job.target, holder=job.id)
    job.settled_at = uow.now()
    uow.session.flush()
    finishers[job.operation](uow, job)


def put_secret(uow: UnitOfWork, ref: str, value: str, *, lives: timedelta | None = None) -> str:
    """Seal a value under ``ref``; returns ``ref`` to be named in job parameters."""
    secret = uow.session.get(Secret, ref) or Secret(ref=ref)
    secret.sealed = uow.vault.seal(value, ref)
    secret.expires_at = uow.now() + lives if lives else None
    uow.session.add(secret)
    return ref


def open_secret(uow: UnitOfWork, ref: str) -> str:
    """The value. Raises :class:`SecretRefused` when it expired or never was."""
    secret = uow.session.get(Secret, ref)
    if secret is None or (secret.expires_at is not None and secret.expires_at <= uow.now()):
        message = f"The secret {ref} does not exist any more. Nothing was changed. Ask for the job again."
        raise SecretRefused(message, ref=ref)
    return uow.vault.open(secret.sealed, ref)


def forget_old(uow: UnitOfWork) -> None:
    """Remove secrets that expired and jobs that nobody asks about any more."""
    uow.session.execute(delete(Secret).where(Secret.expires_at < uow.now()))
    repository.forget_ended(uow.session, before=uow.now() - KEEP_JOBS)
    repository.forget_ended(uow.session, before=uow.now() - KEEP_ROUTINE, only_routine=True)


def read_secrets(uow: UnitOfWork, server: Server, job_id: str, refs: Iterable[str]) -> dict[str, str]:
    """The values that an agent may have for its open job. Raises :class:`SecretRefused`."""
    job = uow.session.get(Job, job_id)
    refs = list(refs)
    named = set() if job is None else set(_refs_in(job.params))
    is_its = job is not None and job.server_id == server.id and LIFECYCLE.allows(job.status, "secrets")
    if job is None or not is_its or not named.issuperset(refs):
        message = "The job is not open on this server, or does not name these secrets. Nothing was given out."
        raise SecretRefused(message, job_id=job_id)
    if not job.is_routine:
        uow.record("secret.fetched", f"job:{job_id}", f"The agent fetched {len(refs)} secrets.", refs=refs)
    return {ref: open_secret(uow, ref) for ref in refs}


def _refs_in(value: Any) -> Iterable[str]:
    if isinstance(value, str) and value.startswith("secret://"):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _refs_in(each)


def get_job(session: Session | ReadSession, job_id: str) -> Job:
    """The job. Raises :class:`JobUnknown`."""
    job = session.get(Job, job_id)
    if job is None:
        raise JobUnknown(f"There is no job {job_id}.", job_id=job_id)
    return job


def find_open_on(session: Session | ReadSession, targets: Sequence[str]) -> dict[str, Job]:
    """Target → the job that works on it now; targets at rest are missing."""
    return {job.target: job for job in repository.list_open_on(session, targets)}


def is_making(session: Session | ReadSession, server_id: str, operation: str) -> bool:
    return repository.is_open_on(session, server_id, operation)


def count_open(session: Session | ReadSession, operation: str) -> dict[str, int]:
    """Server → how many jobs of this kind it has."""
    return repository.count_open(session, operation)


def find_newest(session: Session | ReadSession, target: str, operation: str) -> Job | None:
    """The newest job of this kind on ``target``."""
    return repository.find_newest(session, target, operation)


def list_jobs(
    session: ReadSession, request: PageRequest, *, team_ids: list[str] | None, target: str | None = None
) -> Page[Job]:
    """Newest first."""
    query = repository.select_jobs(team_ids=team_ids, target=target)
    return read_page(session, query, Job.id, request, newest_first=True)


def list_open(session: ReadSession, server_id: str) -> list[Job]:
    return repository.list_open(session, server_id)


def list_servers_with_open(session: ReadSession) -> list[str]:
    return repository.list_servers_with_open(session)


def list_unsettled(session: ReadSession) -> list[str]:
    return repository.list_unsettled(session)
