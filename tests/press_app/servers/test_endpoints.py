"""What operators do with servers, releases and benches over HTTP, and what they read of broken promises."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from press_app.agents.port import AgentUnreachable
from tests.factories.access import bearer, make_token
from tests.factories.servers import make_key
from tests.press_app.driver import Driver

RELEASE = {"name": "tryton-9", "engine": "tryton", "engine_version": "9.0", "app_sets": [["base"]]}


class Operator:
    """A program of the platform."""

    def __init__(self, client: TestClient, driver: Driver) -> None:
        self.client, self.driver = client, driver
        with driver.work.begin(actor="test") as uow:
            self.headers = bearer(make_token(uow, ["operator"]))

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def post(self, path: str, body: object = None) -> Any:
        return self.client.post(path, json=body, headers=self.headers)

    def put(self, path: str, body: object) -> Any:
        return self.client.put(path, json=body, headers=self.headers)


@pytest.fixture
def operator(client: TestClient, driver: Driver) -> Operator:
    return Operator(client, driver)


def test_from_a_new_server_to_a_running_bench(operator: Operator, driver: Driver) -> None:
    server = operator.post("/v1/servers", {"name": "host-new"}).json()
    assert (server["status"], server["is_quiet"], server["heard_at"]) == ("pending", True, None)
    assert server["control_plane_public_key"] == driver.runtime.agent_public_key
    assert server["control_plane_public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert server["control_plane_url"] == driver.runtime.settings.public_url
    enrolment = {"url": "http://10.0.0.7:9000", "public_key": make_key().as_pem(private=False).decode()}
    enrolled = operator.put(f"/v1/servers/{server['id']}/enrolment", enrolment).json()
    assert (enrolled["status"], enrolled["url"]) == ("active", "http://10.0.0.7:9000")
    assert operator.post("/v1/releases", RELEASE).status_code == 201
    bench = operator.post("/v1/benches", {"release": "tryton-9", "server_id": server["id"]}).json()
    assert (bench["status"], bench["target_status"]) == ("deploying", "running")
    assert driver.job(bench["job_id"]).operation == "deploy_bench"
    driver.finish_all()
    bench = operator.get(f"/v1/benches/{bench['id']}").json()
    assert (bench["status"], bench["job_id"], bench["url"]) == ("running", None, "http://127.0.0.1:7001")
    assert len(operator.get("/v1/servers").json()["items"]) == 2
    assert len(operator.get("/v1/releases").json()["items"]) == 2
    assert len(operator.get("/v1/benches").json()["items"]) == 2
    for event, status in (
        ("drain", "draining"),
        ("reopen", "running"),
        ("drain", "draining"),
        ("retire", "retiring"),
    ):
        moved = operator.post(f"/v1/benches/{bench['id']}/moves", {"event": event})
        assert moved.json()["status"] == status
    driver.finish_all()
    for event, status in (("drain", "draining"), ("retire", "retired")):
        moved = operator.post(f"/v1/servers/{server['id']}/moves", {"event": event})
        assert moved.json()["status"] == status


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "body", "status", "code"),
        [
            ("/v1/servers", {"name": "Bad Name"}, 422, "request_invalid"),
            ("/v1/benches", {"release": "none"}, 404, "release_unknown"),
            ("/v1/benches", {"release": "tryton-8", "server_id": "none"}, 404, "server_unknown"),
            ("/v1/benches/none/moves", {"event": "drain"}, 404, "bench_unknown"),
            ("/v1/servers/none/moves", {"event": "drain"}, 404, "server_unknown"),
            ("/v1/releases", {**RELEASE, "app_sets": []}, 422, "request_invalid"),
            ("/v1/releases", {**RELEASE, "name": "tryton-8"}, 409, "release_name_taken"),
        ],
    )
    def test_say_why(self, operator: Operator, path: str, body: object, status: int, code: str) -> None:
        answer = operator.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_an_illegal_move_says_what_is_possible(self, operator: Operator, driver: Driver) -> None:
        answer = operator.post(f"/v1/benches/{driver.bench_id}/moves", {"event": "reopen"})
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
        assert "deploy, drain" in answer.json()["detail"]

    def test_a_bad_key_or_address_is_not_stored(self, operator: Operator, driver: Driver) -> None:
        url = f"/v1/servers/{driver.server_id}/enrolment"
        bad_key = operator.put(url, {"url": "http://10.0.0.1:1", "public_key": "none"})
        assert (bad_key.status_code, bad_key.json()["code"]) == (422, "key_invalid")
        key = make_key().as_pem(private=False).decode()
        for address in ("file:///etc/passwd", "http://a/b", "http://user@host", "ftp://x"):
            assert operator.put(url, {"url": address, "public_key": key}).status_code == 422

    def test_a_server_with_benches_stays(self, operator: Operator, driver: Driver) -> None:
        moves = f"/v1/servers/{driver.server_id}/moves"
        operator.post(moves, {"event": "drain"})
        answer = operator.post(moves, {"event": "retire"})
        assert (answer.status_code, answer.json()["code"]) == (409, "server_not_empty")


class TestPromises:
    def test_are_listed_with_what_breaks_them(self, operator: Operator, driver: Driver) -> None:
        names = {item["name"] for item in operator.get("/v1/invariants").json()["items"]}
        assert {"stuck-states", "uncovered-sites", "wanted-observed", "host-drift", "edge-drift"} <= names
        assert operator.get("/v1/findings").json()["items"] == []
        driver.agents.failures.append(AgentUnreachable("It is away."))
        driver.call("invariants.check")
        (finding,) = operator.get("/v1/findings").json()["items"]
        assert (finding["invariant"], finding["subject"]) == ("host-drift", f"server:{driver.server_id}")
        driver.call("invariants.check")
        assert operator.get("/v1/findings").json()["items"] == []
        assert len(operator.get("/v1/findings?only_open=false").json()["items"]) == 1
