"""The agent's requests to the control plane: signed, with time limits, over one kept connection."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

import requests

from agent.commands.redact import Secret
from agent.credentials.enrolment import Identity
from agent.credentials.tokens import CONTROL_PLANE, Claim, sign
from agent.errors import AgentError
from agent.host.clock import Clock, utc_now


class PressUnreachable(AgentError):
    """The control plane did not answer, or is not well."""

    code: ClassVar[str] = "press_unreachable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "The control plane does not answer"


class PressRefused(AgentError):
    """The control plane answered no."""

    code: ClassVar[str] = "press_refused"
    status: ClassVar[int] = 502
    title: ClassVar[str] = "The control plane refused"


class PressClient:
    """One per thread: the session underneath is not shared."""

    def __init__(self, identity: Identity, timeout: timedelta, clock: Clock = utc_now) -> None:
        self._identity = identity
        self._timeout = timeout.total_seconds()
        self._clock = clock
        self._session = requests.Session()
        self._session.trust_env = False

    def push_events(self, body: str) -> int:
        """Send a page of events. Returns the highest ``seq`` that the control plane has.

        Raises :class:`PressUnreachable`, :class:`PressRefused` and ``not_enrolled``.
        """
        answer = self._post("/v1/agent-events", "events.push", body)
        acknowledged = answer.get("acknowledged")
        if type(acknowledged) is not int:
            raise PressRefused("The control plane did not say which events it has; they are sent again.")
        return acknowledged

    def fetch_secrets(self, job_id: str, refs: Sequence[str]) -> dict[str, Secret]:
        """Fetch the values behind the references; they stay in memory. Raises as :meth:`push_events`."""
        body = json.dumps({"job_id": job_id, "refs": list(refs)})
        values = self._post("/v1/agent-secrets", "secrets.fetch", body).get("secrets")
        if not isinstance(values, dict) or not all(isinstance(values.get(ref), str) for ref in refs):
            raise PressRefused(
                "The control plane did not give every secret that the job names. Nothing was changed."
            )
        return {ref: Secret(values[ref]) for ref in refs}

    def close(self) -> None:
        self._session.close()

    def _post(self, path: str, operation: str, body: str) -> dict[str, Any]:
        enrolment = self._identity.get_enrolment()
        raw = body.encode()
        claim = Claim(issuer=enrolment.server_id, audience=CONTROL_PLANE, operation=operation, body=raw)
        token = sign(self._identity.ensure_key(), claim, self._clock())
        try:
            answer = self._session.post(
                enrolment.control_plane_url.rstrip("/") + path,
                data=raw,
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise PressUnreachable(f"The control plane does not answer ({type(error).__name__}).") from error
        if answer.status_code >= requests.codes.server_error or answer.status_code == requests.codes.too_many:
            raise PressUnreachable(f"The control plane answers {answer.status_code}.")
        return _read(answer)


def _read(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code != requests.codes.ok or not isinstance(body, dict):
        code = body.get("code") if isinstance(body, dict) else None
        raise PressRefused(
            f"The control plane answers {answer.status_code} ({code or 'no code'}). Check the enrolment and both clocks.",
            answer_code=code,
        )
    return body
