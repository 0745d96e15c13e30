"""The same thing at the same moment: one effect for a key, one winner for a row, and everybody else is told."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select

from press_app.billing.model import Subscription
from press_app.config import Settings
from press_app.plans.model import Plan
from press_app.releases.model import Release
from press_app.servers.model import Server
from press_app.sites.model import LoginLink, Site
from press_app.work.model import JournalRow
from tests.factories.bodies import make_body
from tests.press_app.driver import Driver
from tests.press_app.scene import AGENTS, Headers, Scene, add_members, make_scene

AT_ONCE = 20
Call = tuple[str, str, Any]
"""Method, path and body."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits are another test's matter."""
    return settings.model_copy(update={"requests_per_minute": 10**9})


@pytest.fixture
def scene(client: TestClient, driver: Driver) -> Scene:
    made = make_scene(client, driver)
    add_members(made)
    return made


def ask(scene: Scene, call: Call, headers: Headers) -> Response:
    method, path, body = call
    answer: Response = scene.client.request(method, path.format(**scene.ids), json=body, headers=headers)
    return answer


def at_once(
    scene: Scene, call: Callable[[int], Call], key: str | None = None, many: int = AT_ONCE
) -> list[Response]:
    """The same moment for all; an operator asks."""
    headers = dict(scene.callers["platform token operator"])
    if key is not None:
        headers["Idempotency-Key"] = key
    start = threading.Barrier(many)
    answers: list[Response] = []

    def run(number: int) -> None:
        start.wait()
        answers.append(ask(scene, call(number), headers))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == many
    return answers


def count(scene: Scene, model: Any) -> int:
    with scene.driver.work.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def make_site_call(scene: Scene, name: str) -> Call:
    team_id = scene.ids["team_id"]
    body = {"team_id": team_id, "name": name, "company": "Acme", "admin_email": "a@b.example"}
    return "POST", "/v1/sites", body


RELEASE = {"name": "r-1", "engine": "tryton", "engine_version": "8.0", "app_sets": [["base"]]}
MADE: dict[str, tuple[Callable[[Scene], Call], Any]] = {
    "site": (lambda scene: make_site_call(scene, "newsite"), Site),
    "server": (lambda _scene: ("POST", "/v1/servers", {"name": "new-host"}), Server),
    "release": (lambda _scene: ("POST", "/v1/releases", RELEASE), Release),
    "login link": (lambda _scene: ("POST", "/v1/sites/{site_id}/login-links", None), LoginLink),
}


@pytest.mark.parametrize("what", MADE)
def test_one_key_twenty_times_at_once_makes_one(scene: Scene, what: str) -> None:
    make, model = MADE[what]
    before = count(scene, model)
    answers = at_once(scene, lambda _number: make(scene), key="k-1")
    assert len({answer.text for answer in answers}) == 1, Counter(answer.text for answer in answers)
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert count(scene, model) == before + 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_key_is_bound_to_its_request_at_every_operation_that_takes_one(scene: Scene) -> None:
    """Walks the document, so that a new operation is asked on the day it is written."""
    document = scene.client.get("/openapi.json").json()
    headers = {**scene.callers["platform token operator"], "Idempotency-Key": "k-1"}
    assert ask(scene, make_site_call(scene, "first"), headers).status_code == 201
    asked = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "Idempotency-Key" not in {part["name"] for part in operation.get("parameters", [])}:
                continue
            body = make_body(document, operation)
            if isinstance(body, dict):
                body = {name: scene.ids.get(name, value) for name, value in body.items()}
            answer = ask(scene, (method, path, body), headers)
            code = (answer.status_code, answer.json()["code"])
            assert code == (409, "idempotency_key_reused"), (operation["operationId"], answer.text)
            asked.append(operation["operationId"])
    assert len(asked) >= 9


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_keys_of_two_callers_never_meet(scene: Scene) -> None:
    call = ("POST", "/v1/sites/{site_id}/login-links", None)
    callers = (
        "owner",
        "admin",
        "developer",
        "team token *",
        "team token sites:login",
        "platform token operator",
    )
    answers = []
    for caller in callers:
        scene.client.cookies.clear()
        answers.append(ask(scene, call, {**scene.callers[caller], "Idempotency-Key": "k-1"}))
        scene.driver.finish_all()
    assert [answer.status_code for answer in answers] == [202] * len(callers)
    assert len({answer.json()["id"] for answer in answers}) == len(callers)
    assert not any("idempotency-replayed" in answer.headers for answer in answers)


ONE_WINNER: dict[str, Call] = {
    "drain a server": ("POST", "/v1/servers/{server_id}/moves", {"event": "drain"}),
    "drain a bench": ("POST", "/v1/benches/{bench_id}/moves", {"event": "drain"}),
    "deploy a bench": ("POST", "/v1/benches/{bench_id}/moves", {"event": "deploy"}),
    "back a site up": ("POST", "/v1/sites/{site_id}/backups", None),
    "add a server": ("POST", "/v1/servers", {"name": "new-host"}),
    "add a member": ("POST", "/v1/teams/{team_id}/members", {"email": "new@x.example", "role": "viewer"}),
}


@pytest.mark.parametrize("what", ONE_WINNER)
def test_one_wins_and_the_others_are_told(scene: Scene, what: str) -> None:
    call = ONE_WINNER[what]
    answers = at_once(scene, lambda _number: call, many=8)
    codes = Counter(
        answer.status_code // 100 * 100 if answer.status_code < 400 else answer.status_code
        for answer in answers
    )
    assert codes == {200: 1, 409: 7}, Counter(answer.text for answer in answers)


def test_one_name_is_given_once(scene: Scene) -> None:
    answers = at_once(scene, lambda _number: make_site_call(scene, "wanted"), many=8)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"site_name_taken"}


def test_a_plan_has_what_one_of_its_writers_wrote(scene: Scene) -> None:
    """Both members of each change belong together: a mixture would be nobody's."""

    def change(number: int) -> Call:
        return "PATCH", "/v1/plans/{code}", {"name": f"Plan {number}", "price_cents": number}

    answers = at_once(scene, change, many=8)
    assert {answer.status_code for answer in answers} <= {200, 409}
    won = {answer.json()["name"] for answer in answers if answer.status_code == 200}
    with scene.driver.work.read() as session:
        plan = session.scalar(select(Plan).where(Plan.code == "starter"))
    assert plan is not None
    assert plan.name in won
    assert plan.name == f"Plan {plan.price_cents}"


def test_the_newest_word_on_a_subscription_wins_in_any_order(scene: Scene) -> None:
    now = scene.driver.clock.now()

    def observe(number: int) -> Call:
        body = {
            "customer": {"external_id": "customer-acme", "name": "Acme", "email": None},
            "plan_code": "starter",
            "wanted": "run",
            "lago_id": f"lago-{number}",
            "observed_at": (now + timedelta(hours=1, seconds=number)).isoformat(),
        }
        return "PUT", "/v1/subscriptions/{external_id}", body

    answers = at_once(scene, observe, many=8)
    assert {answer.status_code for answer in answers} <= {200, 409}
    applied = [
        answer.json()["observed_at"]
        for answer in answers
        if answer.status_code == 200 and answer.json()["applied"]
    ]
    with scene.driver.work.read() as session:
        subscription = session.scalar(select(Subscription))
    assert subscription is not None
    assert subscription.observed_at.isoformat().replace("+00:00", "Z") == max(applied)


def test_a_wish_for_a_site_is_written_down_once(scene: Scene) -> None:
    answers = at_once(scene, lambda _number: ("POST", "/v1/sites/{site_id}/archive", None), many=8)
    assert {answer.status_code for answer in answers} <= {200, 409}
    with scene.driver.work.read() as session:
        rows = session.scalars(select(JournalRow).where(JournalRow.kind == "site.wanted")).all()
    assert len(rows) == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_doors_of_agents_take_no_keys(scene: Scene) -> None:
    """What they send is numbered by the agent itself."""
    document = scene.client.get("/openapi.json").json()
    doors = [o for item in document["paths"].values() for o in item.values() if o["operationId"] in AGENTS]
    assert len(doors) == len(AGENTS)
    assert not any(part["name"] == "Idempotency-Key" for door in doors for part in door.get("parameters", []))
