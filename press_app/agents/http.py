"""The real agents, over HTTP."""

import json
import math
from typing import Any

import requests
from joserfc.jwk import OKPKey

from press_app.agents import credentials
from press_app.agents.port import (
    AgentAddress,
    AgentBusy,
    AgentRefused,
    AgentUnreachable,
    EventBatch,
    JobOrder,
)
from press_app.kit.clock import Clock
from press_app.kit.ids import new_id

TIMEOUT_SECONDS = (3.0, 15.0)
NOT_ABOUT_THE_JOB = frozenset(
    {requests.codes.unauthorized, requests.codes.request_timeout, requests.codes.too_many_requests}
)
"""Refusals of the sender, not of what is sent: a wrong clock must not break a site."""
FIGURES = ("memory_bytes", "memory_limit_bytes", "processor_seconds", "processes")


class HttpAgents:
    """Signs each request for its server, operation and body."""

    def __init__(self, key: OKPKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._http = requests.Session()

    def put_job(self, address: AgentAddress, order: JobOrder) -> None:
        body = json.dumps(
            {
                "operation": order.operation,
                "target": order.target,
                "params": order.params,
                "deadline": order.deadline.isoformat(),
                "correlation_id": order.correlation_id,
            }
        ).encode()
        self._call(
            address,
            "PUT",
            f"/v1/jobs/{order.job_id}",
            operation=order.operation,
            token_id=order.job_id,
            body=body,
            correlation_id=order.correlation_id,
        )

    def find_job(self, address: AgentAddress, job_id: str) -> dict[str, Any] | None:
        try:
            return self._call(address, "GET", f"/v1/jobs/{job_id}", operation="jobs.read")
        except AgentRefused as refused:
            if refused.context.get("agent_code") == "job_unknown":
                return None
            raise

    def read_events(self, address: AgentAddress, after: int) -> EventBatch:
        answer = self._call(address, "GET", f"/v1/events?after={after}&limit=500", operation="events.read")
        ledger_id, events = answer.get("ledger_id"), answer.get("events")
        if not isinstance(ledger_id, str) or not isinstance(events, list):
            raise unreachable(address, "an answer without events")
        return EventBatch(ledger_id, events)

    def read_state(self, address: AgentAddress) -> dict[str, Any]:
        return self._call(address, "GET", "/v1/state", operation="state.read")

    def read_bench_stats(self, address: AgentAddress, bench_id: str) -> dict[str, Any]:
        answer = self._call(address, "GET", f"/v1/benches/{bench_id}/stats", operation="benches.read")
        if not all(isinstance(answer.get(name), int | float) for name in FIGURES):
            raise unreachable(address, "an answer without figures")
        return answer | {"bench_id": bench_id, "status": str(answer.get("status"))}

    def read_bench_log(self, address: AgentAddress, bench_id: str) -> str:
        answer = self._call(address, "GET", f"/v1/benches/{bench_id}/log", operation="benches.read")
        if not isinstance(answer.get("text"), str):
            raise unreachable(address, "an answer without a log")
        return str(answer["text"])

    def _call(
        self,
        address: AgentAddress,
        method: str,
        path: str,
        *,
        operation: str,
        token_id: str | None = None,
        body: bytes = b"",
        correlation_id: str | None = None,
    ) -> dict[str, Any]:
        token = credentials.sign(
            self._key,
            audience=address.server_id,
            operation=operation,
            token_id=token_id or new_id(),
            body=body,
            now=self._clock.now(),
        )
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if correlation_id:
            headers["X-Correlation-ID"] = correlation_id
        try:
            answer = self._http.request(
                method,
                address.url + path,
                data=body,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise unreachable(address, type(error).__name__) from error
        return _read(address, answer)


def _read(address: AgentAddress, answer: requests.Response) -> dict[str, Any]:
    try:
        content = answer.json(parse_constant=_finite, parse_float=_finite)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        # Somebody else listens there, or stands in between.
        raise unreachable(address, f"answer {answer.status_code} without JSON")
    if answer.status_code in range(requests.codes.ok, requests.codes.multiple_choices):
        return content
    if answer.status_code not in range(requests.codes.bad_request, requests.codes.server_error):
        raise unreachable(address, f"answer {answer.status_code}")
    if answer.status_code in NOT_ABOUT_THE_JOB:
        raise unreachable(address, f"answer {answer.status_code}, {content.get('code', 'no code')}")
    detail = str(content.get("detail", "no reason given"))
    if answer.status_code == requests.codes.locked:
        raise AgentBusy(detail, holder=content.get("holder"), purpose=content.get("purpose"))
    raise AgentRefused(detail, agent_code=content.get("code"), agent_status=answer.status_code)


def _finite(text: str) -> float:
    """Raises ``ValueError`` for what Python takes for a number and no database can store."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def unreachable(address: AgentAddress, why: str) -> AgentUnreachable:
    """The error for an agent that gave no usable answer."""
    message = (
        f"The agent at {address.url} gave no usable answer ({why}). What was ordered stands and is sent again by itself. "
        "If this lasts, look at the host: is press-agent running?"
    )
    return AgentUnreachable(message, server_id=address.server_id)
