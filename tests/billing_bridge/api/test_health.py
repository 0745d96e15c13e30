"""Health, readiness by name, and an OpenAPI that tells the truth about errors."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from billing_bridge.api.app import create_app
from billing_bridge.bootstrap import Bridge
from billing_bridge.inbox.doorbell import FakeDoorbell
from tests.billing_bridge.servers import LagoServer, PressServer

Make = Callable[..., Bridge]


def test_health_needs_nothing(make_bridge: Make) -> None:
    with TestClient(create_app(make_bridge(lago_api_url="http://127.0.0.1:1"))) as client:
        assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.redis
def test_ready_with_everything_there(make_bridge: Make, redis_url: str) -> None:
    with TestClient(create_app(make_bridge(redis_url=redis_url))) as client:
        answer = client.get("/ready")
    assert (answer.status_code, answer.json()["status"], answer.json()["down"]) == (200, "ready", [])


@pytest.mark.parametrize("name", ["lago", "press", "redis", "db"])
def test_ready_names_what_is_down(
    make_bridge: Make, lago_server: LagoServer, press_server: PressServer, name: str
) -> None:
    overrides = {"database_url": "sqlite:////nowhere/at/all.db"} if name == "db" else {}
    bridge = make_bridge(adapters={"doorbell": FakeDoorbell(is_broken=name == "redis")}, **overrides)
    lago_server.always_broken = name == "lago"
    if name == "press":
        press_server.refuse = (401, {"detail": "Wrong token."})
    with TestClient(create_app(bridge)) as client:
        answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["down"] == [name]
    assert answer.json()["checks"][name]["error"]


def test_ready_says_when_the_schema_is_missing(make_bridge: Make, tmp_path: object) -> None:
    bridge = make_bridge(adapters={"doorbell": FakeDoorbell()}, database_url=f"sqlite:///{tmp_path}/empty.db")
    with TestClient(create_app(bridge)) as client:
        error = client.get("/ready").json()["checks"]["db"]["error"]
    assert "press-bridge db upgrade" in error


def test_the_openapi_names_the_errors(make_bridge: Make) -> None:
    document = create_app(make_bridge()).openapi()
    webhook = document["paths"]["/webhooks/lago"]["post"]
    assert {"200", "400", "401", "403", "408", "413", "503"} <= webhook["responses"].keys()
    problem = webhook["responses"]["401"]["content"]["application/problem+json"]["schema"]["$ref"]
    assert problem == "#/components/schemas/Problem"
    assert "code" in document["components"]["schemas"]["Problem"]["properties"]
    sync = document["paths"]["/v1/subscriptions/{external_id}/sync"]["post"]
    assert {"401", "422", "423", "502"} <= sync["responses"].keys()
    assert sync["responses"]["422"]["content"].keys() == {"application/problem+json"}
