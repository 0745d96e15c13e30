"""Strangers are counted by address, whatever credential they wave; who proves himself keeps his own limit."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from press_app.access import service as access
from press_app.api.app import create_app
from press_app.bootstrap import Runtime
from press_app.servers import service as servers
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.servers import make_key
from tests.factories.signing import make_agent_token, sign_body
from tests.factories.teams import make_team, make_user
from tests.press_app.driver import Driver

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""

LIMIT = 3


@pytest.fixture
def client(runtime: Runtime) -> Iterator[TestClient]:
    """The API with room for three requests a minute of each kind of caller."""
    few = {"anonymous_requests_per_minute": LIMIT, "requests_per_minute": LIMIT}
    settings = runtime.settings.model_copy(update=few)
    with TestClient(create_app(replace(runtime, settings=settings))) as client:
        yield client


def ask(
    client: TestClient, path: str, headers: dict[str, str], times: int = LIMIT + 1, method: str = "GET"
) -> list[int]:
    return [client.request(method, path, headers=headers).status_code for _ in range(times)]


class TestGuesses:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "refusal"),
        [
            ("GET", "/v1/me", {"Authorization": "Bearer press_a-guess"}, 401),
            ("GET", "/v1/me", {"Authorization": "x"}, 401),
            ("GET", "/v1/me", {"Cookie": "press_session=a-guess"}, 401),
            ("POST", "/v1/agent-events", {"Authorization": "Bearer a.b.c"}, 422),
            ("GET", "/v1/plans", {"Authorization": "x"}, 200),
            ("GET", "/nowhere", {"Authorization": "x"}, 404),
        ],
    )
    def test_are_counted_by_address(
        self, client: TestClient, method: str, path: str, headers: dict[str, str], refusal: int
    ) -> None:
        assert ask(client, path, headers, method=method) == [refusal] * LIMIT + [429]
        answer = client.get("/v1/me", headers=headers)
        assert answer.json()["code"] == "too_many_requests"
        assert answer.headers["retry-after"] == "60"

    def test_each_with_another_credential_share_one_count(self, client: TestClient) -> None:
        seen = [client.get("/v1/me", headers=bearer(f"press_{n}")).status_code for n in range(LIMIT)]
        assert seen == [401] * LIMIT
        assert client.get("/v1/plans").status_code == 429

    def test_of_signatures_are_counted(self, client: TestClient, driver: Driver) -> None:
        body = {"ledger_id": "l", "events": []}
        seen = []
        for _ in range(LIMIT + 1):
            raw, headers = sign_body(
                make_key(), driver.server_id, operation="events.push", body=body, now=driver.clock.now()
            )
            seen.append(client.post("/v1/agent-events", content=raw, headers=headers).status_code)
        assert seen == [401] * LIMIT + [429]


class TestProof:
    def test_keeps_a_token_on_its_own_limit_beside_a_guesser(self, client: TestClient, work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = make_team(uow)
            good = bearer(make_token(uow, ["sites:read"], team_id=team.id))
            system = bearer(make_token(uow, ["subscriptions:write"]))
        assert ask(client, "/v1/me", bearer("press_a-guess"))[-1] == 429
        assert ask(client, "/v1/me", good) == [200] * LIMIT + [429]
        assert ask(client, "/v1/me", system) == [200] * (LIMIT + 1)

    def test_keeps_a_signed_in_browser_on_its_own_limit(self, client: TestClient, work: Work) -> None:
        with work.begin(actor="test") as uow:
            user = make_user(uow)
            issued = access.open_session(uow, user.id, lifetime=timedelta(hours=1), ip="", user_agent="")
        cookie = {"Cookie": f"press_session={issued.secret}"}
        assert ask(client, "/v1/me", bearer("press_a-guess"))[-1] == 429
        assert ask(client, "/v1/me", cookie) == [200] * LIMIT + [429]

    def test_lets_an_agent_push_as_often_as_it_has_news(self, client: TestClient, driver: Driver) -> None:
        key = make_key()
        with driver.work.begin(actor="operator") as uow:
            public = key.as_pem(private=False).decode()
            servers.enroll(uow, driver.server_id, url="http://127.0.0.1:9000", agent_key=public)
        raw = b'{"ledger_id": "ledger-1", "events": []}'
        seen = []
        for _ in range(2 * LIMIT):
            token = make_agent_token(
                key, driver.server_id, operation="events.push", body=raw, now=driver.clock.now()
            )
            head = {**bearer(token), "Content-Type": "application/json"}
            seen.append(client.post("/v1/agent-events", content=raw, headers=head).status_code)
        assert seen == [200] * (2 * LIMIT)

    def test_of_a_team_does_not_use_up_the_room_of_strangers(self, client: TestClient, work: Work) -> None:
        with work.begin(actor="test") as uow:
            system = bearer(make_token(uow, ["subscriptions:write"]))
        ask(client, "/v1/me", system)
        assert client.get("/v1/plans").status_code == 200
