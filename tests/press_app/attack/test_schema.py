"""Generated requests at the whole OpenAPI, as everybody who may ask: nothing breaks, nothing undocumented comes back."""

import pytest
import requests
from fastapi import FastAPI
from fastapi.testclient import TestClient
from schemathesis.core.transport import Response

from press_app.config import Settings
from press_app.teams.model import Role
from tests.factories.access import bearer
from tests.factories.barrage import FACTOR, NOBODY, Barrage, Sign, as_response, judge
from tests.factories.signing import make_agent_token
from tests.factories.teams import make_user
from tests.press_app.driver import Driver
from tests.press_app.scene import AGENTS, STREAM, Headers, Scene, add_members, enrol_agent, make_scene

ENOUGH = 10**9
pytestmark = pytest.mark.timeout(300 * FACTOR)
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
only_mariadb = pytest.mark.parametrize(
    "database", [pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits are another test's matter."""
    return settings.model_copy(
        update={"requests_per_minute": ENOUGH, "anonymous_requests_per_minute": ENOUGH}
    )


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    made = make_scene(client, driver)
    add_members(made)
    enrol_agent(made)
    with driver.work.begin(actor="test") as uow:
        # Whoever asks must not be able to take himself out of the team.
        made.ids["user_id"] = make_user(uow).id
    return made


@pytest.fixture
def barrage(scene: Scene) -> Barrage:
    app = scene.client.app
    assert isinstance(app, FastAPI)

    def send(request: requests.PreparedRequest) -> Response:
        scene.client.cookies.clear()
        headers = [(name.encode(), as_bytes(value)) for name, value in request.headers.items()]
        answer = scene.client.request(
            str(request.method), str(request.url), headers=headers, content=request.body
        )
        return as_response(request, answer.status_code, answer.headers, answer.content)

    # Whoever asks must not be able to sign himself out either.
    return Barrage(app.openapi(), send, scene.ids, frozenset({STREAM, "sign_out", "end_session"}))


def as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def with_headers(headers: Headers) -> Sign:
    return lambda _name, _request: headers


def by_agent(scene: Scene) -> Sign:
    """Signs what the agent may send; everywhere else it waves the same kind of token."""

    def sign(name: str, request: requests.PreparedRequest) -> Headers:
        body = as_bytes(request.body or b"")
        token = make_agent_token(
            scene.agent_key,
            scene.driver.server_id,
            operation=AGENTS.get(name, name),
            body=body,
            now=scene.driver.clock.now(),
        )
        return bearer(token)

    return sign


@only_sqlite
def test_strangers(barrage: Barrage, capsys: pytest.CaptureFixture[str]) -> None:
    tallies = barrage.fire(
        {NOBODY: with_headers({}), "a guessed token": with_headers(bearer("press_guess"))}, examples=3
    )
    with capsys.disabled():
        judge(tallies)


@only_sqlite
@pytest.mark.parametrize(("role", "least"), [("owner", 50), ("operator", 80)])
def test_who_may_do_most(
    scene: Scene, barrage: Barrage, role: str, least: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tallies = barrage.fire({role: with_headers(scene.callers[role])}, examples=4)
    with capsys.disabled():
        judge(tallies)
    assert sum(tally.let_in for tally in tallies) > least, "hardly anything was let in, so little was tried"


@only_sqlite
def test_everybody_else_in_turn(scene: Scene, barrage: Barrage, capsys: pytest.CaptureFixture[str]) -> None:
    callers = {role: with_headers(headers) for role, headers in scene.callers.items()}
    tallies = barrage.fire({**callers, "an agent": by_agent(scene)}, examples=4)
    with capsys.disabled():
        judge(tallies)
    assert len(tallies) > len(Role) + 25


@only_sqlite
def test_the_doors_of_agents(scene: Scene, barrage: Barrage, capsys: pytest.CaptureFixture[str]) -> None:
    paths = {
        path: item
        for path, item in barrage.document["paths"].items()
        if any(operation["operationId"] in AGENTS for operation in item.values())
    }
    doors = Barrage({**barrage.document, "paths": paths}, barrage.send, barrage.ids)
    tallies = doors.fire({"an agent": by_agent(scene)}, examples=25)
    with capsys.disabled():
        judge(tallies)
    assert tallies[0].statuses[401] == 0


@only_mariadb
def test_mariadb_takes_it_as_well(scene: Scene, barrage: Barrage, capsys: pytest.CaptureFixture[str]) -> None:
    callers = {f"{role} on MariaDB": with_headers(scene.callers[role]) for role in ("operator", "owner")}
    tallies = barrage.fire(callers, examples=3)
    with capsys.disabled():
        judge(tallies)
