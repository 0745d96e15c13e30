"""The bridge's door over HTTP (docs/contracts/bridge.md), and the guard's for operators."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.factories.access import bearer, make_token
from tests.factories.subscriptions import UNPAID
from tests.press_app.driver import Driver


class Bridge:
    """The billing bridge with its token."""

    def __init__(self, client: TestClient, driver: Driver) -> None:
        self.client = client
        with driver.work.begin(actor="test") as uow:
            self.headers = bearer(make_token(uow, ["subscriptions:write"]))
            self.operator = bearer(make_token(uow, ["operator"]))

    def put(self, external_id: str = "acme", **changes: Any) -> Any:
        body = {
            "customer": {"external_id": "customer-1", "name": "Acme", "email": "owner@acme.example"},
            "plan_code": "starter",
            "wanted": "run",
            "reason": None,
            "name": "acme",
            "entitlements": None,
            "lago_id": "1a90",
            "observed_at": "2026-11-23T10:00:00.123Z",
            **changes,
        }
        return self.client.put(f"/v1/subscriptions/{external_id}", json=body, headers=self.headers)


@pytest.fixture
def bridge(client: TestClient, driver: Driver) -> Bridge:
    return Bridge(client, driver)


class TestObserve:
    def test_answers_as_the_contract_says(self, bridge: Bridge, driver: Driver) -> None:
        answer = bridge.put()
        assert answer.status_code == 200
        body = answer.json()
        assert {"external_id", "wanted", "plan_code", "observed_at", "applied", "reason", "sites"} <= set(
            body
        )
        assert (body["wanted"], body["applied"]) == ("run", True)
        assert body["observed_at"] == "2026-11-23T10:00:00.123000Z"
        site = driver.site()
        expected = {"id": site.id, "name": "acme", "hostname": "acme.localhost", "status": "reserved"}
        assert body["sites"] == [expected]

    def test_an_older_reading_answers_with_what_is_stored(self, bridge: Bridge) -> None:
        bridge.put(wanted="hold", reason=UNPAID)
        answer = bridge.put(observed_at="2026-11-23T09:59:59Z").json()
        assert (answer["applied"], answer["wanted"]) == (False, "hold")
        assert answer["reason"]["code"] == "unpaid"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"plan_code": "gold"}, "plan_unknown"),
            ({"wanted": "explode"}, "request_invalid"),
            ({"observed_at": "2026-11-23T10:00:00"}, "request_invalid"),
            ({"customer": {"name": "x"}}, "request_invalid"),
        ],
    )
    def test_refuses_what_cannot_be(
        self, bridge: Bridge, driver: Driver, changes: dict[str, Any], code: str
    ) -> None:
        answer = bridge.put(**changes)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert driver.list_sites() == []

    def test_passes_the_correlation_id_on_to_the_job(self, bridge: Bridge, driver: Driver) -> None:
        bridge.headers["X-Correlation-ID"] = "0123456789abcdef0123456789abcdef"
        answer = bridge.put()
        assert answer.headers["x-correlation-id"] == "0123456789abcdef0123456789abcdef"
        driver.run()
        (order,) = driver.orders()
        assert order.correlation_id == "0123456789abcdef0123456789abcdef"

    def test_ids_with_slashes_are_ids(self, bridge: Bridge) -> None:
        assert bridge.put("shop%2F7").json()["external_id"] == "shop/7"

    def test_is_for_the_bridge_only(self, bridge: Bridge, driver: Driver) -> None:
        site = driver.active_site("other")
        with driver.work.begin(actor="test") as uow:
            bridge.headers = bearer(make_token(uow, ["billing:write"], team_id=site.team_id))
        assert bridge.put().status_code == 403


class TestRead:
    def test_pages_for_the_reconciler(self, bridge: Bridge) -> None:
        for number in range(3):
            bridge.put(f"c{number}", name=f"name{number}")
        first = bridge.client.get("/v1/subscriptions?limit=2", headers=bridge.headers).json()
        assert [item["external_id"] for item in first["items"]] == ["c0", "c1"]
        url = f"/v1/subscriptions?limit=2&cursor={first['next_cursor']}"
        rest = bridge.client.get(url, headers=bridge.headers).json()
        assert ([item["external_id"] for item in rest["items"]], rest["next_cursor"]) == (["c2"], None)
        one = bridge.client.get("/v1/subscriptions/c1", headers=bridge.headers).json()
        assert one == first["items"][1]
        unknown = bridge.client.get("/v1/subscriptions/none", headers=bridge.headers)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "subscription_unknown")


class TestGuard:
    def test_is_seen_and_released_by_operators(self, bridge: Bridge, driver: Driver) -> None:
        guard = "/v1/termination-guard"
        calm = bridge.client.get(guard, headers=bridge.operator).json()
        assert calm == {"is_tripped": False, "tripped_at": None, "count": 0}
        refused = bridge.client.post(f"{guard}/release", headers=bridge.operator)
        assert (refused.status_code, refused.json()["code"]) == (409, "guard_not_tripped")
        for number in range(11):
            driver.observe("run", f"c{number:02d}")
        for number in range(11):
            driver.observe("end", f"c{number:02d}")
        driver.run()
        tripped = bridge.client.get(guard, headers=bridge.operator).json()
        assert (tripped["is_tripped"], tripped["count"]) == (True, 11)
        released = bridge.client.post(f"{guard}/release", headers=bridge.operator)
        assert released.json() == {"confirmed": 11}
