"""Plans over HTTP."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from press_app.plans import service
from press_app.work.unit_of_work import Work
from tests.factories.access import bearer, make_token
from tests.factories.plans import make_plan
from tests.factories.teams import make_team


@pytest.fixture
def operator(work: Work) -> dict[str, str]:
    with work.begin(actor="test") as uow:
        service.seed(uow)
        make_plan(uow, code="hidden", public=False)
        return bearer(make_token(uow, ["operator"]))


class TestReading:
    def test_needs_no_credential(self, client: TestClient, operator: dict[str, str]) -> None:
        items = client.get("/v1/plans").json()["items"]
        assert [(item["code"], item["price_cents"]) for item in items] == [
            ("starter", 2900),
            ("business", 9900),
            ("enterprise", None),
        ]
        assert client.get("/v1/plans/business").json() == items[1]

    def test_says_when_there_is_none(self, client: TestClient) -> None:
        answer = client.get("/v1/plans/none")
        assert (answer.status_code, answer.json()["code"]) == (404, "plan_unknown")


class TestChanging:
    def test_changes_what_is_sent_and_nothing_else(
        self, client: TestClient, operator: dict[str, str]
    ) -> None:
        before = client.get("/v1/plans/starter").json()
        answer = client.patch(
            "/v1/plans/starter", json={"max_sites": None, "apps": ["crm"]}, headers=operator
        )
        assert answer.json() == {**before, "max_sites": None, "apps": ["base", "crm"]}

    @pytest.mark.parametrize(
        "change",
        [
            {"max_sites": 0},
            {"price_cents": -1},
            {"name": None},
            {"name": ""},
            {"apps": None},
            {"code": "other"},
            {"apps": ["Pay Roll"]},
            {"grace_days": 10**9},
            [],
            "x",
        ],
    )
    def test_refuses_what_cannot_be(self, client: TestClient, operator: dict[str, str], change: Any) -> None:
        before = client.get("/v1/plans/starter").json()
        assert client.patch("/v1/plans/starter", json=change, headers=operator).status_code == 422
        assert client.get("/v1/plans/starter").json() == before

    def test_is_for_operators(self, client: TestClient, operator: dict[str, str], work: Work) -> None:
        with work.begin(actor="test") as uow:
            team = bearer(make_token(uow, ["teams:write"], team_id=make_team(uow).id))
            system = bearer(make_token(uow, ["subscriptions:write"]))
        for head, status in (({}, 401), (team, 403), (system, 403)):
            answer = client.patch("/v1/plans/starter", json={"max_sites": 9}, headers=head)
            assert answer.status_code == status
