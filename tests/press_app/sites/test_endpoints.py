"""The sites' doors over HTTP."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from press_app.access.rules import TEAM_SCOPES
from tests.factories.access import bearer, make_token
from tests.press_app.driver import Driver


class Owner:
    """A program of the team, with every scope that it can have."""

    def __init__(self, client: TestClient, driver: Driver, **observation: Any) -> None:
        self.client = client
        self.site = driver.active_site(**observation)
        self.url = f"/v1/sites/{self.site.id}"
        with driver.work.begin(actor="test") as uow:
            self.headers = bearer(make_token(uow, TEAM_SCOPES, team_id=self.site.team_id))
            self.operator = bearer(make_token(uow, ["operator"]))

    def get(self, path: str = "") -> Any:
        return self.client.get(self.url + path, headers=self.headers)

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.client.post(self.url + path, json=body, headers={**self.headers, **headers})


@pytest.fixture
def owner(client: TestClient, driver: Driver) -> Owner:
    return Owner(client, driver, plan_code="business")


def make_order(owner: Owner, name: str = "second", **changes: Any) -> dict[str, Any]:
    order = {
        "team_id": owner.site.team_id,
        "name": name,
        "company": "Bakery Martin",
        "admin_email": "Owner@Bakery-Martin.example",
    }
    return {**order, **changes}


class TestCreate:
    def test_orders_a_site_and_repeats_its_answer(self, owner: Owner, driver: Driver) -> None:
        headers = {**owner.headers, "Idempotency-Key": "k-1"}
        first = owner.client.post("/v1/sites", json=make_order(owner), headers=headers)
        again = owner.client.post("/v1/sites", json=make_order(owner), headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        body = first.json()
        assert (body["status"], body["url"]) == ("reserved", "http://second.localhost:8000")
        assert body["admin_email"] == "owner@bakery-martin.example"
        driver.finish_all()
        assert owner.client.get(f"/v1/sites/{body['id']}", headers=owner.headers).json()["status"] == "active"

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"name": "acme"}, 409, "site_name_taken"),
            ({"name": "www"}, 422, "site_name_invalid"),
            ({"name": "Zwei"}, 422, "site_name_invalid"),
            ({"apps": ["base", "chess"]}, 422, "app_unknown"),
            ({"admin_email": "nobody"}, 422, "email_invalid"),
            ({"company": ""}, 422, "request_invalid"),
        ],
    )
    def test_refuses_with_a_reason_and_makes_nothing(
        self, owner: Owner, driver: Driver, changes: dict[str, Any], status: int, code: str
    ) -> None:
        answer = owner.client.post("/v1/sites", json=make_order(owner, **changes), headers=owner.headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert len(driver.list_sites()) == 1

    def test_a_full_plan_is_said_so(self, owner: Owner, driver: Driver) -> None:
        for name in ("second", "third"):
            owner.client.post("/v1/sites", json=make_order(owner, name), headers=owner.headers)
        answer = owner.client.post("/v1/sites", json=make_order(owner, "fourth"), headers=owner.headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_entitled")
        assert len(driver.list_sites()) == 3
        by_word = owner.client.post("/v1/sites", json=make_order(owner, "fourth"), headers=owner.operator)
        assert by_word.status_code == 201

    def test_an_operator_learns_that_a_team_does_not_exist(self, owner: Owner) -> None:
        order = make_order(owner, team_id="nobody")
        answer = owner.client.post("/v1/sites", json=order, headers=owner.operator)
        assert answer.status_code == 404


class TestRead:
    def test_lists_filters_and_pages(self, owner: Owner, driver: Driver) -> None:
        owner.client.post("/v1/sites", json=make_order(owner), headers=owner.headers)
        found = owner.client.get("/v1/sites?limit=1", headers=owner.headers).json()
        assert [site["name"] for site in found["items"]] == ["second"]
        rest = owner.client.get(f"/v1/sites?cursor={found['next_cursor']}", headers=owner.headers).json()
        assert ([site["name"] for site in rest["items"]], rest["next_cursor"]) == (["acme"], None)
        active = owner.client.get("/v1/sites?status=active", headers=owner.headers).json()
        assert [site["name"] for site in active["items"]] == ["acme"]

    def test_tells_its_story_page_by_page(self, owner: Owner) -> None:
        first = owner.get("/timeline?limit=2").json()
        assert [entry["kind"] for entry in first["items"]] == ["site.active", "job.succeeded"]
        rest = owner.get(f"/timeline?before={first['next_before']}").json()
        assert rest["items"][-1]["kind"] == "site.reserved"
        assert rest["next_before"] is None


class TestHolds:
    def test_are_placed_and_lifted_by_operators(self, owner: Owner, driver: Driver) -> None:
        body = {"kind": "security", "message": "A password was stolen."}
        assert owner.client.put(f"{owner.url}/holds", json=body, headers=owner.headers).status_code == 403
        held = owner.client.put(f"{owner.url}/holds", json=body, headers=owner.operator).json()
        assert [hold["kind"] for hold in held["holds"]] == ["security"]
        driver.finish_all()
        assert owner.get().json()["status"] == "suspended"
        lifted = owner.client.delete(f"{owner.url}/holds/security", headers=owner.operator)
        assert lifted.json()["holds"] == []
        driver.finish_all()
        assert owner.get().json()["status"] == "active"


class TestArchive:
    def test_and_undo(self, owner: Owner, driver: Driver) -> None:
        assert owner.post("/undo-archive").json()["code"] == "site_not_ready"
        assert owner.post("/archive").json()["wanted"] == "archived"
        driver.finish_all()
        archived = owner.get().json()
        assert archived["status"] == "archived"
        assert archived["undo_until"] is not None
        assert owner.post("/undo-archive").status_code == 200
        driver.finish_all()
        assert owner.get().json()["status"] == "active"
        (backup,) = owner.get("/backups").json()["items"]
        assert (backup["kind"], backup["status"]) == ("archive", "verified")

    def test_a_retry_of_nothing_is_refused(self, owner: Owner) -> None:
        answer = owner.client.post(f"{owner.url}/retry", headers=owner.operator)
        assert (answer.status_code, answer.json()["code"]) == (409, "site_not_ready")


class TestLogin:
    def test_a_link_works_for_whoever_asked_and_not_for_long(self, owner: Owner, driver: Driver) -> None:
        first = owner.post("/login-links").json()
        assert "#login_" in owner.get(f"/login-links/{first['id']}").json()["url"]
        link = owner.post("/login-links").json()
        assert link["url"] is None
        driver.finish_all()
        ready = owner.get(f"/login-links/{link['id']}").json()
        assert ready["url"].startswith("http://acme.localhost:8000/-/login#login_")
        other = owner.client.get(f"{owner.url}/login-links/{link['id']}", headers=owner.operator)
        assert (other.status_code, other.json()["code"]) == (404, "login_link_unknown")
        driver.clock.advance(minutes=6)
        assert owner.get(f"/login-links/{link['id']}").json()["url"] is None

    def test_is_refused_while_the_site_is_closed(self, owner: Owner, driver: Driver) -> None:
        driver.observe("hold", plan_code="business")
        driver.finish_all()
        answer = owner.post("/login-links")
        assert (answer.status_code, answer.json()["code"]) == (409, "site_not_ready")

    def test_a_password_is_shown_once(self, owner: Owner, driver: Driver) -> None:
        first = owner.post("/password", {}, **{"Idempotency-Key": "k"}).json()
        again = owner.post("/password", {}, **{"Idempotency-Key": "k"}).json()
        assert len(first["password"]) >= 20
        assert (again["password"], again["job_id"]) == ("", first["job_id"])
        driver.run()
        (order,) = driver.orders("set_admin_password")
        assert order.params["login"] == first["login"] == "owner"
        assert first["password"] not in str(order.params)


class TestBackups:
    def test_are_taken_listed_and_restored(self, owner: Owner, driver: Driver) -> None:
        taken = owner.post("/backups").json()
        assert taken["status"] == "taking"
        busy = owner.post("/backups")
        assert (busy.status_code, busy.json()["code"]) == (409, "busy")
        assert "Back up acme.localhost" in busy.json()["detail"]
        driver.finish_all()
        (listed,) = owner.get("/backups").json()["items"]
        assert (listed["id"], listed["status"]) == (taken["id"], "verified")
        job_id = owner.post("/restores", {"backup_id": taken["id"]}).json()["job_id"]
        assert driver.job(job_id).operation == "restore_site"
        driver.finish_all()
        assert owner.get().json()["status"] == "active"
        assert owner.post("/restores", {"backup_id": "none"}).json()["code"] == "backup_unknown"
