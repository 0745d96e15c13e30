"""What the control plane can ask of a host's agent (docs/contracts/agent.md)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from press_app.errors import PressError


class AgentUnreachable(PressError):
    """No answer. Whether the agent has the request is not known."""

    code = "agent_unreachable"
    status = 503


class AgentRefused(PressError):
    """The agent refused before it touched anything."""

    code = "agent_refused"
    status = 502


class AgentBusy(PressError):
    """Another job works on the same target."""

    code = "agent_target_busy"
    status = 423


@dataclass(frozen=True)
class AgentAddress:
    """Where the agent of a server listens."""

    server_id: str
    url: str


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """One job as it is put to an agent; the same id may be put again."""

    job_id: str
    operation: str
    target: str
    params: dict[str, Any]
    deadline: datetime
    correlation_id: str


@dataclass(frozen=True)
class EventBatch:
    """Events after a cursor; ``ledger_id`` changes when the agent lost its ledger."""

    ledger_id: str
    events: list[dict[str, Any]]


class Agents(Protocol):
    """Every method raises :class:`AgentUnreachable` or :class:`AgentRefused`."""

    def put_job(self, address: AgentAddress, order: JobOrder) -> None:
        """Hand the job over; it is durable on the host when this returns. Raises :class:`AgentBusy`."""

    def find_job(self, address: AgentAddress, job_id: str) -> dict[str, Any] | None:
        """The job as the agent knows it; None when it never saw it."""

    def read_events(self, address: AgentAddress, after: int) -> EventBatch: ...

    def read_state(self, address: AgentAddress) -> dict[str, Any]:
        """What the host really holds."""

    def read_bench_stats(self, address: AgentAddress, bench_id: str) -> dict[str, Any]:
        """What the bench takes of its host now."""

    def read_bench_log(self, address: AgentAddress, bench_id: str) -> str:
        """The end of what the bench printed, for operators."""
