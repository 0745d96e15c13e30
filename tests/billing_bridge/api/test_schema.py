"""Generated requests at the bridge's whole OpenAPI, by strangers and by its operator: nothing undocumented comes back."""

from collections.abc import Callable, Iterator

import pytest
import requests
from fastapi import FastAPI
from fastapi.testclient import TestClient
from schemathesis.core.transport import Response

from billing_bridge.api.app import create_app
from billing_bridge.bootstrap import Bridge
from billing_bridge.inbox.doorbell import FakeDoorbell
from tests.factories.barrage import FACTOR, NOBODY, Barrage, as_response, judge

pytestmark = pytest.mark.timeout(300 * FACTOR)
OPERATOR = {"Authorization": "Bearer operator-token"}


@pytest.fixture
def client(make_bridge: Callable[..., Bridge]) -> Iterator[TestClient]:
    bridge = make_bridge(adapters={"doorbell": FakeDoorbell()}, max_attempts=1)
    with TestClient(create_app(bridge), raise_server_exceptions=False) as made:
        yield made


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_bridge_keeps_to_its_document(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    app = client.app
    assert isinstance(app, FastAPI)

    def send(request: requests.PreparedRequest) -> Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        headers = [
            (name.encode(), value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape"))
            for name, value in request.headers.items()
        ]
        answer = client.request(str(request.method), str(request.url), headers=headers, content=body)
        return as_response(request, answer.status_code, answer.headers, answer.content)

    barrage = Barrage(app.openapi(), send)
    tallies = barrage.fire({NOBODY: lambda *_: {}, "the bridge's operator": lambda *_: OPERATOR}, examples=8)
    with capsys.disabled():
        judge(tallies)
    nobody, operator = tallies
    assert operator.let_in > nobody.let_in
