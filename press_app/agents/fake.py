"""Agents without hosts: jobs succeed when told to, and everything is remembered."""

import copy
from typing import Any

from press_app.agents.port import (
    AgentAddress,
    AgentBusy,
    AgentRefused,
    AgentUnreachable,
    EventBatch,
    JobOrder,
)

Failure = AgentUnreachable | AgentRefused | AgentBusy


class FakeAgents:
    """One ledger per server, in memory."""

    def __init__(self) -> None:
        self.orders: dict[str, JobOrder] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, str] = {}
        self.stats: dict[str, dict[str, Any]] = {}
        self.ledger_id = "ledger-1"
        self.failures: list[Failure] = []
        """Raised one after the other by the next calls."""

    def put_job(self, address: AgentAddress, order: JobOrder) -> None:
        self._fail_if_told()
        if order.job_id in self.orders:
            return
        self.orders[order.job_id] = order
        self.jobs[order.job_id] = {
            "id": order.job_id,
            "operation": order.operation,
            "target": order.target,
            "status": "queued",
            "steps": [],
            "result": None,
            "error": None,
        }
        self._emit(address.server_id, order.job_id, "job.queued")

    def start(self, server_id: str, job_id: str, *steps: dict[str, Any]) -> dict[str, Any]:
        """Let the job run, with these steps so far; returns the event."""
        self.jobs[job_id] |= {"status": "running", "steps": list(steps)}
        return self._emit(server_id, job_id, "job.step")

    def lose_ledger(self, server_id: str) -> None:
        """The host came back empty: another ledger, no jobs, no events."""
        self.ledger_id = f"{self.ledger_id}-again"
        self.events.pop(server_id, None)
        self.orders.clear()
        self.jobs.clear()

    def finish(self, server_id: str, job_id: str, result: dict[str, Any] | None = None) -> dict[str, Any]:
        """Let the job succeed; returns the event that a real agent would push."""
        self.jobs[job_id] |= {"status": "succeeded", "result": result or {}}
        return self._emit(server_id, job_id, "job.finished")

    def fail(
        self,
        server_id: str,
        job_id: str,
        message: str,
        *,
        code: str = "step_failed",
        step: str = "one",
        compensated: bool = True,
        result: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Let the job fail at a step, with a backup in its result where it had taken one; returns the event."""
        error = {"code": code, "message": message, "step": step, "compensated": compensated}
        self.jobs[job_id] |= {
            "status": "failed",
            "error": error,
            "result": result or self.jobs[job_id]["result"],
        }
        return self._emit(server_id, job_id, "job.finished")

    def find_job(self, address: AgentAddress, job_id: str) -> dict[str, Any] | None:  # noqa: ARG002
        self._fail_if_told()
        return self.jobs.get(job_id)

    def read_events(self, address: AgentAddress, after: int) -> EventBatch:
        self._fail_if_told()
        events = self.events.get(address.server_id, [])
        return EventBatch(self.ledger_id, [event for event in events if event["seq"] > after][:500])

    def read_state(self, address: AgentAddress) -> dict[str, Any]:
        self._fail_if_told()
        return self.states.get(address.server_id, {"benches": [], "sites": [], "open_jobs": []})

    def read_bench_stats(self, address: AgentAddress, bench_id: str) -> dict[str, Any]:  # noqa: ARG002
        self._fail_if_told()
        figures = {"memory_bytes": 0, "memory_limit_bytes": 1, "processor_seconds": 0.0, "processes": 0}
        return {"bench_id": bench_id, "status": "running", **figures, **self.stats.get(bench_id, {})}

    def read_bench_log(self, address: AgentAddress, bench_id: str) -> str:  # noqa: ARG002
        self._fail_if_told()
        return self.logs.get(bench_id, "")

    def _emit(self, server_id: str, job_id: str, kind: str) -> dict[str, Any]:
        events = self.events.setdefault(server_id, [])
        job = copy.deepcopy(self.jobs[job_id])
        event = {"seq": len(events) + 1, "job_id": job_id, "kind": kind, "job": job}
        events.append(event)
        return event

    def _fail_if_told(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
