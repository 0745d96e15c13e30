"""Generated requests at the agent's whole OpenAPI, by the control plane and by strangers, over real HTTP."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from schemathesis.core.transport import Response

from agent.credentials.tokens import Claim, sign
from tests.agent.control_plane import SERVER_ID
from tests.agent.harness import RunningAgent
from tests.factories.barrage import BASE_URL, FACTOR, NOBODY, Barrage, as_response, judge

pytestmark = pytest.mark.timeout(300 * FACTOR)
READS = {"state": "state.read", "events": "events.read", "jobs": "jobs.read"}


@pytest.fixture
def barrage(agent: RunningAgent) -> Barrage:
    def send(request: requests.PreparedRequest) -> Response:
        request.url = str(request.url).replace(BASE_URL, agent.plane.agent_url, 1)
        with requests.Session() as session:
            answer = session.send(request, timeout=30, allow_redirects=False)
        return as_response(request, answer.status_code, answer.headers, answer.content)

    document: dict[str, Any] = requests.get(f"{agent.plane.agent_url}/openapi.json", timeout=30).json()
    return Barrage(document, send)


def by_control_plane(agent: RunningAgent, request: requests.PreparedRequest) -> Mapping[str, str]:
    """As the control plane would sign this very request."""
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else body
    parts = urlsplit(str(request.url)).path.split("/")
    operation = READS.get(parts[2] if len(parts) > 2 else "", "state.read")
    if request.method == "PUT":
        operation = read_operation(raw)
    claim = Claim(
        issuer="press",
        audience=SERVER_ID,
        operation=operation,
        body=raw,
        job_id=parts[-1] if request.method == "PUT" else None,
    )
    return {"Authorization": f"Bearer {sign(agent.plane.key, claim, datetime.now(UTC))}"}


def read_operation(raw: bytes) -> str:
    try:
        body = json.loads(raw)
    except ValueError:
        return "none"
    return str(body.get("operation")) if isinstance(body, dict) else "none"


def test_the_agent_keeps_to_its_document(
    agent: RunningAgent, barrage: Barrage, capsys: pytest.CaptureFixture[str]
) -> None:
    callers = {
        NOBODY: lambda *_: {},
        "the control plane": lambda _, request: by_control_plane(agent, request),
    }
    tallies = barrage.fire(callers, examples=12)
    with capsys.disabled():
        judge(tallies)
    nobody, plane = tallies
    assert nobody.statuses[202] == 0
    assert plane.let_in > 10
