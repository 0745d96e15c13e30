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
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.teams import make_team

METHODS = {"get", "put", "post", "patch", "delete"}
OPEN = {"get_health", "get_readiness", "list_plans", "get_plan", "sign_in"}
"""Endpoints that ask for no credential; the list may only grow by decision."""
AGENTS = {"push_agent_events", "fetch_agent_secrets"}
"""Endpoints with the agents' own credentials (docs/contracts/agent.md)."""

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
        self, client: TestClient, document: dict[str, Any], work: Work
    ) -> None:
        with work.begin(actor="test") as uow:
            mine, theirs = make_team(uow), make_team(uow)
            secret = make_token(uow, TEAM_SCOPES, team_id=theirs.id)
        for method, path, operation in operations(document):
            name = operation["operationId"]
            if name in OPEN | AGENTS | {"stream_events"}:
                continue
            answer = client.request(method, fill(path, mine.id), headers=bearer(secret), json={})
            assert answer.status_code < 500, (name, answer.text)
            assert mine.id not in answer.text or answer.status_code >= 400, name
            if answer.status_code == 200:
                assert method == "get", name
            if "{team_id}" in path and answer.status_code != 422:
                assert (answer.status_code, answer.json()["code"]) == (404, "team_unknown")


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
