"""Believes a request before any endpoint runs."""

from collections.abc import Callable

from fastapi import Request

from agent.bootstrap import Agent
from agent.credentials.tokens import CONTROL_PLANE, Claim, Verifier


class Guard:
    """Checks the credential of a request for one operation."""

    def __init__(self, agent: Agent, on_refused: Callable[[str], None]) -> None:
        self._identity = agent.identity
        self._verifier = Verifier(agent.ledger, agent.clock, on_refused)

    def check(self, request: Request, body: bytes, operation: str, job_id: str | None = None) -> None:
        """Raises ``credential_…`` and ``not_enrolled``; nothing was touched then."""
        enrolment = self._identity.get_enrolment()
        claim = Claim(
            issuer=CONTROL_PLANE, audience=enrolment.server_id, operation=operation, body=body, job_id=job_id
        )
        self._verifier.verify(request.headers.get("Authorization"), enrolment.public_key(), claim)


async def raw_body(request: Request) -> bytes:
    """Return the body as it was sent; the credential is bound to these bytes."""
    return await request.body()


def get_agent(request: Request) -> Agent:
    agent: Agent = request.app.state.agent
    return agent


def get_guard(request: Request) -> Guard:
    guard: Guard = request.app.state.guard
    return guard
