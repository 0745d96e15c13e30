"""Why a job was refused or could not be written down."""

from typing import ClassVar

from agent.errors import AgentError


class LedgerUnavailable(AgentError):
    """The ledger cannot be read or written."""

    code: ClassVar[str] = "ledger_unavailable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The agent's ledger is not available"


class JobUnknown(AgentError):
    """No such job."""

    code: ClassVar[str] = "job_unknown"
    status: ClassVar[int] = 404
    title: ClassVar[str] = "The job is not known here"


class JobConflict(AgentError):
    """The id belongs to another payload."""

    code: ClassVar[str] = "job_conflict"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The job id is taken by another payload"


class TargetBusy(AgentError):
    """Another job is open on the target."""

    code: ClassVar[str] = "target_busy"
    status: ClassVar[int] = 423
    title: ClassVar[str] = "The target is busy"


class OperationUnknown(AgentError):
    """Nothing of that name can be asked for."""

    code: ClassVar[str] = "operation_unknown"
    status: ClassVar[int] = 404
    title: ClassVar[str] = "The operation is not known here"


class ParamsInvalid(AgentError):
    """The parameters do not fit the operation."""

    code: ClassVar[str] = "params_invalid"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The parameters do not fit"


class DeadlinePassed(AgentError):
    """The job's time is over."""

    code: ClassVar[str] = "deadline_passed"
    title: ClassVar[str] = "The job's deadline has passed"


class SecretsUnavailable(AgentError):
    """The job names no such secret, or the control plane did not give it."""

    code: ClassVar[str] = "secrets_refused"
    title: ClassVar[str] = "A secret could not be fetched"
