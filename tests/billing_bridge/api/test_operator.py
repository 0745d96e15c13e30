"""The operator API: guarded, paged, and able to put things right."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from billing_bridge.api.app import create_app
from billing_bridge.bootstrap import Bridge
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.events import NewEvent
from tests.billing_bridge.builders import make_body, make_subscription
from tests.billing_bridge.servers import LagoServer, PressServer

TOKEN = {"Authorization": "Bearer operator-token"}
ROUTES = [
    ("GET", "/v1/inbox"),
    ("GET", "/v1/inbox/1"),
    ("POST", "/v1/inbox/1/replay"),
    ("POST", "/v1/inbox/replay-dead"),
    ("GET", "/v1/mismatches"),
    ("POST", "/v1/reconcile"),
    ("POST", "/v1/subscriptions/acme/sync"),
]


@pytest.fixture
def bridge(make_bridge: Callable[..., Bridge]) -> Bridge:
    return make_bridge(adapters={"doorbell": FakeDoorbell()}, max_attempts=1)


@pytest.fixture
def client(bridge: Bridge) -> Iterator[TestClient]:
    with TestClient(create_app(bridge), raise_server_exceptions=False, headers=TOKEN) as made:
        yield made


def store(bridge: Bridge, *keys: str) -> None:
    events = [NewEvent(unique_key=key, webhook_type="subscription.updated", body=make_body()) for key in keys]
    bridge.store.insert(events, now=bridge.clock())


class TestGuard:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    @pytest.mark.parametrize(
        "header",
        [
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic b3A="},
            {"Authorization": "Bearer "},
        ],
    )
    def test_every_route_wants_the_token(
        self, bridge: Bridge, method: str, path: str, header: dict[str, str]
    ) -> None:
        with TestClient(create_app(bridge)) as client:
            answer = client.request(method, path, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")

    @pytest.mark.parametrize("token", [None, ""])
    def test_without_a_configured_token_nobody_passes(
        self, make_bridge: Callable[..., Bridge], token: str | None
    ) -> None:
        with TestClient(create_app(make_bridge(operator_token=token))) as client:
            assert client.get("/v1/inbox", headers={"Authorization": "Bearer "}).status_code == 401

    def test_the_list_of_routes_above_is_complete(self, bridge: Bridge) -> None:
        paths = create_app(bridge).openapi()["paths"]
        operations = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        guarded = {(method, path) for method, path in operations if path.startswith("/v1/")}
        assert len(guarded) == len(ROUTES)


class TestInbox:
    def test_pages_follow_each_other(self, client: TestClient, bridge: Bridge) -> None:
        store(bridge, "a", "b", "c")
        first = client.get("/v1/inbox", params={"limit": 2}).json()
        second = client.get("/v1/inbox", params={"limit": 2, "cursor": first["next_cursor"]}).json()
        keys = [item["unique_key"] for item in first["items"] + second["items"]]
        assert (keys, second["next_cursor"]) == (["c", "b", "a"], None)
        assert client.get("/v1/inbox", params={"status": "dead"}).json()["items"] == []

    def test_one_event_shows_its_body(self, client: TestClient, bridge: Bridge) -> None:
        store(bridge, "a")
        shown = client.get("/v1/inbox/1").json()
        assert shown["body"]["subscription"]["external_id"] == "acme"
        assert (shown["status"], shown["error"]) == ("pending", None)

    def test_a_dead_letter_is_replayed_alone_and_with_all_others(
        self, client: TestClient, bridge: Bridge, lago_server: LagoServer
    ) -> None:
        lago_server.always_broken = True
        store(bridge, "a")
        bridge.worker.drain()
        [dead] = client.get("/v1/inbox", params={"status": "dead"}).json()["items"]
        assert dead["error"]["code"] == "lago_unreadable"
        assert client.post(f"/v1/inbox/{dead['id']}/replay").json()["status"] == "pending"
        bridge.worker.drain()
        assert client.post("/v1/inbox/replay-dead").json() == {"replayed": 1}
        assert client.post("/v1/inbox/replay-dead").json() == {"replayed": 0}
        assert isinstance(bridge.doorbell, FakeDoorbell)
        assert bridge.doorbell.rings == 3

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/inbox/99", 404),
            ("POST", "/v1/inbox/99/replay", 404),
            ("GET", "/v1/inbox/0", 422),
            ("GET", "/v1/inbox/x", 422),
            ("GET", f"/v1/inbox/{2**63}", 422),
            ("GET", "/v1/inbox?status=odd", 422),
            ("GET", "/v1/inbox?limit=0", 422),
            ("GET", "/v1/inbox?cursor=abc", 422),
            ("GET", "/nothing", 404),
            ("DELETE", "/v1/inbox", 405),
        ],
    )
    def test_errors_are_problem_documents(
        self, client: TestClient, method: str, path: str, status: int
    ) -> None:
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert {"type", "title", "status", "detail", "code", "correlation_id"} <= body.keys()
        assert body["correlation_id"] == answer.headers["x-correlation-id"]


class TestNow:
    def test_a_sync_reads_lago_and_tells_the_control_plane(
        self, client: TestClient, lago_server: LagoServer, press_server: PressServer
    ) -> None:
        lago_server.subscriptions.append(make_subscription("a b"))
        answer = client.post("/v1/subscriptions/a%20b/sync", headers={"X-Correlation-ID": "mine"})
        expected = {"external_id": "a b", "sent": True, "wanted": "run", "reason": None, "applied": True}
        assert answer.json() == expected
        assert press_server.headers[-1]["X-Correlation-Id"] == "mine"

    def test_a_busy_subscription_is_told(self, client: TestClient, bridge: Bridge) -> None:
        with bridge.leases.hold("acme", purpose="sync after a test"):
            answer = client.post("/v1/subscriptions/acme/sync")
        assert (answer.status_code, answer.json()["code"]) == (423, "subject_busy")
        assert "sync after a test" in answer.json()["detail"]

    def test_an_unreadable_lago_is_a_bad_gateway(self, client: TestClient, lago_server: LagoServer) -> None:
        lago_server.always_broken = True
        answer = client.post("/v1/subscriptions/acme/sync")
        assert (answer.status_code, answer.json()["code"]) == (502, "lago_unreadable")

    def test_a_reconcile_is_stored_and_its_result_is_shown(
        self, client: TestClient, bridge: Bridge, lago_server: LagoServer
    ) -> None:
        lago_server.subscriptions.append(make_subscription())
        answer = client.post("/v1/reconcile")
        assert answer.status_code == 202
        bridge.ticker.reconcile_if_due()
        event: dict[str, Any] = client.get(f"/v1/inbox/{answer.json()['event_id']}").json()
        assert event["outcome"] == "1 compared, 1 differed, 1 repaired, 0 refreshed"
        shown = client.get("/v1/mismatches").json()
        assert [item["kind"] for item in shown["items"]] == ["missing"]
        assert shown["last_reconcile"]["compared"] == 1
        assert client.get("/v1/mismatches", params={"only_open": True}).json()["items"] == []
