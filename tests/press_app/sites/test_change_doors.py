"""Changing a site over HTTP: what is asked, what comes back, who may."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from press_app.servers import service as servers
from press_app.sites import service as sites
from tests.factories.servers import make_bench, make_release
from tests.press_app.driver import Driver
from tests.press_app.sites.test_endpoints import Owner, make_order


@pytest.fixture
def owner(client: TestClient, driver: Driver) -> Owner:
    made = Owner(client, driver)
    driver.observe(plan_code="business")
    return made


def put(owner: Owner, path: str, body: object, **headers: str) -> Any:
    return owner.client.put(owner.url + path, json=body, headers={**owner.headers, **headers})


class TestApps:
    def test_are_listed_with_what_they_are_to_the_site(self, owner: Owner, driver: Driver) -> None:
        rows = {row["app"]: row for row in owner.get("/apps").json()["apps"]}
        assert rows["base"]["is_installed"]
        assert (rows["crm"]["is_installed"], rows["crm"]["is_granted"], rows["crm"]["is_offered"]) == (
            False,
            True,
            True,
        )
        assert rows["crm"]["description"] == "Leads and opportunities"
        driver.observe(plan_code="starter")
        rows = {row["app"]: row for row in owner.get("/apps").json()["apps"]}
        assert not rows["crm"]["is_granted"]

    def test_are_changed_by_a_job_with_a_backup_once_for_each_key(self, owner: Owner, driver: Driver) -> None:
        first = put(owner, "/apps", {"apps": ["base", "crm"]}, **{"Idempotency-Key": "k"})
        again = put(owner, "/apps", {"apps": ["base", "crm"]}, **{"Idempotency-Key": "k"})
        assert (first.status_code, first.json()) == (202, again.json())
        job = driver.job(first.json()["job_id"])
        assert job.params["backup_id"] == first.json()["backup_id"]
        assert owner.get().json()["last_change"]["outcome"] == "running"
        driver.finish_all()
        site = owner.get().json()
        assert site["apps"] == ["base", "crm"]
        assert site["last_change"]["kind"] == "apps"
        assert site["last_change"]["closed_seconds"] == 12.5
        (backup,) = owner.get("/backups").json()["items"]
        assert (backup["kind"], backup["apps"]) == ("before-change", ["base"])

    @pytest.mark.parametrize(
        ("apps", "status", "code"),
        [
            (["crm"], 422, "app_needed"),
            (["base"], 409, "nothing_to_change"),
            (["base", "wiki"], 422, "app_not_offered"),
            (["base", "Wiki"], 422, "request_invalid"),
            ([], 422, "app_needed"),
        ],
    )
    def test_refusals(self, owner: Owner, apps: list[str], status: int, code: str) -> None:
        answer = put(owner, "/apps", {"apps": apps})
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_that_the_plan_does_not_grant(self, owner: Owner, driver: Driver) -> None:
        driver.observe(plan_code="starter")
        answer = put(owner, "/apps", {"apps": ["base", "crm"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_entitled")


class TestRename:
    def test_shows_where_the_old_name_leads_and_until_when(self, owner: Owner, driver: Driver) -> None:
        answer = owner.post("/rename", {"name": "bakery"})
        assert (answer.status_code, answer.json()["backup_id"]) == (202, None)
        driver.finish_all()
        site = owner.get().json()
        assert (site["name"], site["url"]) == ("bakery", "http://bakery.localhost:8000")
        (former,) = site["former_addresses"]
        assert former["hostname"] == "acme.localhost"
        assert former["until"].startswith("2026-12-23")

    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [("www", 422, "site_name_invalid"), ("acme", 409, "nothing_to_change")],
    )
    def test_refusals(self, owner: Owner, name: str, status: int, code: str) -> None:
        answer = owner.post("/rename", {"name": name})
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_a_former_name_is_not_to_be_had(self, owner: Owner, driver: Driver) -> None:
        owner.post("/rename", {"name": "bakery"})
        driver.finish_all()
        answer = owner.client.post("/v1/sites", json=make_order(owner, "acme"), headers=owner.headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "site_name_taken")


class TestConfig:
    def test_keeps_the_types_of_its_values(self, owner: Owner, driver: Driver) -> None:
        config = {"show_help": True, "hours": 8, "greeting": "8", "limit": 0}
        assert put(owner, "/config", {"config": config}).status_code == 202
        assert owner.get("/config").json() == {"config": {}}
        driver.finish_all()
        read = owner.get("/config").json()["config"]
        assert {key: (type(value), value) for key, value in read.items()} == {
            key: (type(value), value) for key, value in config.items()
        }

    @pytest.mark.parametrize(
        ("config", "code"),
        [
            ({"api_key": "x"}, "config_refused"),
            ({"Upper": 1}, "request_invalid"),
            ({"list": [1]}, "request_invalid"),
            ({"real": 1.5}, "request_invalid"),
            ({"nothing": None}, "request_invalid"),
            ({"text": "two\nlines"}, "request_invalid"),
            ({f"k{number}": 1 for number in range(101)}, "request_invalid"),
        ],
    )
    def test_refusals(self, owner: Owner, config: dict[str, Any], code: str) -> None:
        answer = put(owner, "/config", {"config": config})
        assert (answer.status_code, answer.json()["code"]) == (422, code)


class TestMove:
    def test_is_for_operators(self, owner: Owner) -> None:
        assert owner.post("/move", {"release": "tryton-9"}).status_code == 403

    def test_to_another_release(self, owner: Owner, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            there = make_bench(uow, server, release=make_release(uow, "tryton-9")).id
        url = f"{owner.url}/move"
        for body, status, code in (
            ({}, 422, "target_unclear"),
            ({"release": "none"}, 404, "release_unknown"),
            ({"release": "tryton-8"}, 409, "bench_unfit"),
        ):
            answer = owner.client.post(url, json=body, headers=owner.operator)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        answer = owner.client.post(url, json={"release": "tryton-9"}, headers=owner.operator)
        assert answer.status_code == 202
        driver.finish_all()
        site = owner.get().json()
        assert (site["bench_id"], site["last_change"]["kind"]) == (there, "move")


class TestCopies:
    def test_are_ordered_once_for_each_key_and_name_their_origin(self, owner: Owner, driver: Driver) -> None:
        body = {"name": "acme-copy"}
        first = owner.post("/copies", body, **{"Idempotency-Key": "k"})
        again = owner.post("/copies", body, **{"Idempotency-Key": "k"})
        assert (first.status_code, first.json()) == (202, again.json())
        driver.finish_all()
        copy = owner.client.get(f"/v1/sites/{first.json()['site_id']}", headers=owner.headers).json()
        assert copy["origin"] == {"site_id": owner.site.id, "backup_id": first.json()["backup_id"]}
        assert (copy["status"], copy["is_muted"], copy["hostname"]) == ("active", True, "acme-copy.localhost")
        assert (owner.get().json()["origin"], owner.get().json()["is_muted"]) == (None, False)

    def test_of_an_unknown_backup_are_refused(self, owner: Owner) -> None:
        answer = owner.post("/copies", {"name": "acme-copy", "backup_id": "none"})
        assert (answer.status_code, answer.json()["code"]) == (404, "backup_unknown")


class TestLocale:
    def test_of_an_order_fills_up_from_the_platforms_own(self, owner: Owner, driver: Driver) -> None:
        order = make_order(owner, locale={"country": "FR", "currency": "EUR"})
        made = owner.client.post("/v1/sites", json=order, headers=owner.headers).json()
        expected = {"country": "FR", "currency": "EUR", "language": "en", "time_zone": "America/New_York"}
        assert made["locale"] == expected
        driver.run()
        assert driver.orders("create_site")[0].params["locale"] == expected

    @pytest.mark.parametrize(
        "locale",
        [{"country": "France"}, {"time_zone": "Mars/Base"}, {"language": "french"}, {"city": "Lyon"}],
    )
    def test_that_means_nothing_is_refused(self, owner: Owner, locale: dict[str, str]) -> None:
        order = make_order(owner, locale=locale)
        answer = owner.client.post("/v1/sites", json=order, headers=owner.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


def test_a_home_that_the_engine_does_not_know_is_said(owner: Owner, driver: Driver) -> None:
    order = make_order(owner, locale={"country": "AQ"})
    made = owner.client.post("/v1/sites", json=order, headers=owner.headers).json()
    driver.run()
    driver.refuse("create_site", "The engine has no accounts for AQ.", code="locale_unknown")
    with driver.work.read() as session:
        error = sites.get_site(session, made["id"]).error
    assert error is not None
    assert error["code"] == "locale_unknown"
