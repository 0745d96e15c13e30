"""Takes a job on: validated whole, written down, then rung for."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.host.clock import Clock, write_time
from agent.jobs.errors import OperationUnknown, ParamsInvalid
from agent.jobs.ledger import Ledger
from agent.jobs.model import Job, JobRecord, Step
from agent.operations.base import Operation


class JobRequest(BaseModel):
    """What the control plane sends."""

    model_config = ConfigDict(extra="forbid")

    operation: str = Field(max_length=64, pattern=r"^[a-z][a-z_]*$")
    target: str = Field(max_length=100, pattern=r"^(bench|site):[0-9a-f-]{36}$")
    params: dict[str, Any]
    deadline: datetime
    correlation_id: str | None = Field(default=None, max_length=200)


class Bell(Protocol):
    """Wakes workers and reporter; may be lost."""

    def ring(self, job_id: str, queue: str) -> None: ...

    def wake_reporter(self) -> None: ...


class JobService:
    """The door for ``PUT /v1/jobs/{id}``."""

    def __init__(
        self, ledger: Ledger, operations: Mapping[str, Operation[Any]], bell: Bell, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._operations = operations
        self._bell = bell
        self._clock = clock

    def accept(self, job_id: str, request: JobRequest) -> tuple[Job, bool]:
        """Return the job and whether it is new.

        Raises :class:`OperationUnknown`, :class:`ParamsInvalid`, ``job_conflict`` and ``target_busy`` before anything
        is touched.
        """
        operation = self._operations.get(request.operation)
        if operation is None:
            raise OperationUnknown(
                f"This agent knows no operation {request.operation!r}; nothing was touched. Update the agent or the "
                "control plane.",
            )
        job, is_new = self._ledger.accept(self._record(job_id, request, operation))
        if is_new:
            self._bell.ring(job_id, operation.urgency)
            self._bell.wake_reporter()
        return job, is_new

    def _record(self, job_id: str, request: JobRequest, operation: Operation[Any]) -> JobRecord:
        try:
            params = operation.params.model_validate(request.params)
        except ValidationError as error:
            raise ParamsInvalid(
                f"The parameters do not fit {operation.name}; nothing was touched. Correct the fields that are named.",
                errors=describe(error),
            ) from error
        if request.target != f"{operation.target}:{params.target_id}":
            raise ParamsInvalid(
                f"The target {request.target} is not the {operation.target} of the params; nothing was touched.",
                errors=[{"field": "target", "message": f"expected {operation.target}:{params.target_id}"}],
            )
        if request.deadline.tzinfo is None:
            raise ParamsInvalid(
                "The deadline has no time zone; nothing was touched. Send it in UTC with a Z.",
                errors=[{"field": "deadline", "message": "a time zone is needed"}],
            )
        steps = [Step(key=step.key, title=step.title) for step in operation.steps]
        return JobRecord(
            job=Job(
                id=job_id,
                operation=operation.name,
                target=request.target,
                steps=steps,
                correlation_id=request.correlation_id,
                deadline=write_time(request.deadline),
                created_at=write_time(self._clock()),
            ),
            params=request.params,
            bench_id=params.bench_id,
            queue=operation.urgency,
            purpose=operation.purpose,
            excludes_sites=operation.excludes_sites,
            payload_sha256=payload_digest(request),
        )


def payload_digest(request: JobRequest) -> str:
    """Return the SHA-256 of what makes two requests the same job."""
    payload = {"operation": request.operation, "target": request.target, "params": request.params}
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def describe(error: ValidationError) -> list[dict[str, str]]:
    """Name the wrong fields without repeating their values."""
    return [
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors(include_input=False, include_url=False)
    ]
