"""The OpenAPI document, the page made from it, and the walk through it that every endpoint must pass."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from press_app.access.rules import TEAM_SCOPES
from press_app.kit.ids import new_id
from tests.factories.access import bearer, make_token
from tests.factories.bodies import make_body
from tests.factories.teams import make_team
from tests.press_app.driver import Driver

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Nothing here depends on the kind of database."""

METHODS = {"get", "put", "post", "patch", "delete"}
OPEN = {"get_health", "get_readiness", "list_plans", "get_plan", "sign_in"}
"""Endpoints that ask for no credential; the list may only grow by decision."""
AGENTS = {"push_agent_events", "fetch_agent_secrets"}
"""Endpoints with the agents' own credentials (docs/contracts/agent.md)."""

OPERATORS_ONLY = {"place_hold", "lift_hold", "retry_site", "move_site"}
"""Endpoints below a site that refuse everybody but operators before they look."""

Operation = tuple[str, str, dict[str, Any]]


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield method, path, operation


def fill(path: str, value: str) -> str:
    return re.sub(r"\{[^}]+\}", value, path)


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


class TestDocument:
    def test_names_every_operation_once_and_readably(self, document: dict[str, Any]) -> None:
        names = [operation["operationId"] for _, _, operation in operations(document)]
        assert len(names) == len(set(names))
        assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)
        assert all(operation.get("tags") for _, _, operation in operations(document))

    def test_says_what_each_operation_is_for(self, document: dict[str, Any]) -> None:
        assert [o["operationId"] for _, _, o in operations(document) if not o.get("description")] == []

    def test_tells_the_answers_that_can_really_come(self, document: dict[str, Any]) -> None:
        for _, _, operation in operations(document):
            answers = operation["responses"]
            assert {"429", "500", "503"} <= set(answers)
            if "requestBody" in operation:
                assert {"400", "413", "422"} <= set(answers), operation["operationId"]
            if operation.get("security"):
                assert "401" in answers, operation["operationId"]
            for status, answer in answers.items():
                if status >= "400" and operation["operationId"] != "get_readiness":
                    assert list(answer["content"]) == ["application/problem+json"]
        assert "HTTPValidationError" not in document["components"]["schemas"]
        assert "code" in document["components"]["schemas"]["Problem"]["required"]

    def test_resolves_all_its_references(self, document: dict[str, Any]) -> None:
        wanted = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
        assert wanted <= set(document["components"]["schemas"])

    def test_takes_an_idempotency_key_wherever_something_is_made(self, document: dict[str, Any]) -> None:
        for method, _, operation in operations(document):
            makes = method == "post" and {"201", "202"} & set(operation["responses"])
            if makes and operation["operationId"] != "sign_in":
                names = {item["name"] for item in operation.get("parameters", [])}
                assert "Idempotency-Key" in names, operation["operationId"]
                assert "409" in operation["responses"], operation["operationId"]

    def test_asks_for_a_credential_wherever_it_is_not_decided_otherwise(
        self, document: dict[str, Any]
    ) -> None:
        without = {o["operationId"] for _, _, o in operations(document) if not o.get("security")}
        assert without <= OPEN | AGENTS


class TestWalk:
    """Every endpoint with no credential, a wrong one, and that of another team with every scope there is."""

    def test_strangers_and_wrong_tokens_are_turned_away(
        self, client: TestClient, document: dict[str, Any]
    ) -> None:
        for method, path, operation in operations(document):
            if operation["operationId"] in OPEN:
                continue
            for headers in ({}, bearer("press_wrong"), {"Authorization": "Bearer eyJ.eyJ.x"}):
                answer = client.request(method, fill(path, new_id()), headers=headers, json={})
                assert answer.status_code in {401, 422}, (operation["operationId"], answer.text)

    def test_another_teams_token_finds_nothing(
        self, client: TestClient, document: dict[str, Any], driver: Driver
    ) -> None:
        ids = make_things(driver)
        with driver.work.begin(actor="test") as uow:
            secret = make_token(uow, TEAM_SCOPES, team_id=make_team(uow).id)
        for method, path, operation in operations(document):
            name = operation["operationId"]
            if name in OPEN | AGENTS | {"stream_events"}:
                continue
            url = path.format(**ids)
            answer = client.request(method, url, headers=bearer(secret), json=make_body(document, operation))
            assert answer.status_code in expected(path, name), (name, answer.status_code, answer.text)
            if answer.status_code == 200:
                assert not set(ids.values()) & set(re.findall(r"[\w-]{36}", answer.text)), name

    def test_the_owners_token_finds_the_same_things(
        self, client: TestClient, document: dict[str, Any], driver: Driver
    ) -> None:
        """Else the walk above would prove nothing."""
        ids = make_things(driver)
        with driver.work.begin(actor="test") as uow:
            secret = make_token(uow, TEAM_SCOPES, team_id=ids["team_id"])
        found = {
            operation["operationId"]: client.get(path.format(**ids), headers=bearer(secret)).status_code
            for method, path, operation in operations(document)
            if method == "get" and operation["operationId"] != "stream_events"
        }
        for name in ("get_site", "read_timeline", "list_backups", "get_job", "get_team", "list_members"):
            assert found[name] == 200, name


def make_things(driver: Driver) -> dict[str, str]:
    """One of everything that belongs to a team, by the name of its path parameter."""
    site = driver.active_site()
    return {
        "site_id": site.id,
        "team_id": site.team_id,
        "job_id": driver.list_jobs(site)[0].id,
        "bench_id": driver.bench_id,
        "server_id": driver.server_id,
        "external_id": "acme",
        "code": "starter",
        "user_id": new_id(),
        "token_id": new_id(),
        "session_id": new_id(),
        "link_id": new_id(),
        "kind": "operator",
    }


def expected(path: str, name: str) -> set[int]:
    """How a token of another team, with every scope that it can have, is answered."""
    if "{team_id}" in path or "{site_id}" in path or "{job_id}" in path:
        return {403, 404} if name in OPERATORS_ONLY else {404}
    if name in {"get_me", "list_sites", "list_jobs", "list_teams", "list_subscriptions", "get_backup_policy"}:
        return {200}
    if name in {"get_subscription", "create_site"}:
        return {404, 422}
    return {403}


class Page(HTMLParser):
    """What a browser would load, and where links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        assert tag not in {"script", "style", "iframe", "img"}
        assert not any(name.startswith("on") or name == "style" for name in values)
        if tag == "link":
            self.loads.append(values["href"])
        if tag == "a":
            self.links.append(values["href"])
        if "id" in values:
            self.ids.append(values["id"])


class TestDocsPage:
    def test_shows_every_endpoint_and_loads_nothing_foreign(
        self, client: TestClient, document: dict[str, Any]
    ) -> None:
        answer = client.get("/docs")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        page = Page(answer.text)
        assert page.loads == ["/docs/style.css"]
        assert client.get(page.loads[0]).headers["content-type"].startswith("text/css")
        assert {operation["operationId"] for _, _, operation in operations(document)} <= set(page.ids)
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            assert link == "/openapi.json" or link.removeprefix("#") in page.ids, link

    def test_shows_no_code_from_the_document(self, client: TestClient) -> None:
        app = client.app
        assert isinstance(app, FastAPI)
        app.openapi()["info"]["title"] = "<script>alert(1)</script>"
        assert "<script>" not in client.get("/docs").text
