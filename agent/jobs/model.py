"""A job as the contract shows it, and what the ledger keeps beside it."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class JobStatus(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


class StepState(StrEnum):
    """Where a step is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"
    COMPENSATED = "compensated"


class EventKind(StrEnum):
    """What an event tells."""

    QUEUED = "job.queued"
    STEP = "job.step"
    FINISHED = "job.finished"


class Step(BaseModel):
    """One step of a job."""

    key: str
    title: str
    state: StepState = StepState.PENDING
    started_at: str | None = None
    finished_at: str | None = None
    seconds: float | None = None
    output: str = ""


class JobError(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    step: str | None
    compensated: bool
    """True when everything that the job had made was removed again."""


class Job(BaseModel):
    """A job as the control plane sees it."""

    id: str
    operation: str
    target: str
    status: JobStatus = JobStatus.QUEUED
    steps: list[Step]
    result: dict[str, Any] | None = None
    error: JobError | None = None
    correlation_id: str | None = None
    deadline: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class JobRecord(BaseModel):
    """A job with what only the agent needs: parameters name secrets, they never hold them."""

    model_config = ConfigDict(validate_assignment=False)

    job: Job
    params: dict[str, Any]
    bench_id: str
    queue: str
    purpose: str
    excludes_sites: bool
    payload_sha256: str
    notes: dict[str, Any] = Field(default_factory=dict)
    failure: JobError | None = None
    """Set once a step has failed: from then on the job only compensates."""


class Event(BaseModel):
    """A snapshot of a job; the newest ``seq`` of a job wins."""

    seq: int
    job_id: str
    kind: EventKind
    at: str
    job: Job


class EventPage(BaseModel):
    """Events in order; ``next`` is the cursor to ask with."""

    ledger_id: str
    events: list[Event]
    next: int
