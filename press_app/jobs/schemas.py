"""Shapes of jobs on the wire."""

import math
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job


def _finite(value: Any) -> Any:
    """Python reads ``NaN`` and ``1e999``; MariaDB refuses to store them, and the agent would push them for ever."""
    if isinstance(value, float) and not math.isfinite(value):
        message = "must have numbers of JSON only"
        raise ValueError(message)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _finite(inner)
    return value


Facts = Annotated[dict[str, Any], AfterValidator(_finite)]
"""What an agent tells freely."""


class JobView(BaseModel):
    """A job as people and programs see it; parameters name secrets, they never hold them."""

    id: str
    server_id: str
    team_id: str | None
    operation: str
    target: str
    purpose: str
    status: JobStatus
    steps: list[dict[str, Any]]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    correlation_id: str
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls.model_validate(job, from_attributes=True)


class JobPage(BaseModel):
    """One page of jobs, newest first."""

    items: list[JobView]
    next_cursor: str | None


class AgentStep(BaseModel):
    """One step as the agent tells it."""

    model_config = ConfigDict(extra="ignore")

    key: str = Field(max_length=64)
    title: str = Field(max_length=200)
    state: str = Field(max_length=32)
    started_at: str | None = None
    finished_at: str | None = None
    seconds: FiniteFloat | None = None
    output: str | None = Field(default=None, max_length=20_000)


class AgentJob(BaseModel):
    """A snapshot of a job in the agent's ledger."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(max_length=64)
    status: str = Field(max_length=32)
    steps: list[AgentStep] = Field(max_length=100)
    result: Facts | None = None
    error: Facts | None = None


class AgentEvent(BaseModel):
    """One line of the agent's news."""

    model_config = ConfigDict(extra="ignore")

    seq: int = Field(ge=1, le=2**53)
    job_id: str = Field(max_length=64)
    kind: str = Field(max_length=32)
    job: AgentJob


class AgentEvents(BaseModel):
    """News in the agent's order."""

    ledger_id: str = Field(max_length=64)
    events: list[AgentEvent] = Field(max_length=500)


class Acknowledged(BaseModel):
    """Up to which event all is stored."""

    acknowledged: int


class SecretsRequest(BaseModel):
    """Which secrets a job needs."""

    job_id: str = Field(max_length=64)
    refs: list[str] = Field(max_length=20)


class SecretsAnswer(BaseModel):
    """The values; the agent keeps them in memory only."""

    secrets: dict[str, str] = Field(repr=False)
