"""The webhook route: what is proven and well-formed is stored once, everything else is refused."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from billing_bridge.api.app import create_app
from billing_bridge.bootstrap import Bridge
from billing_bridge.inbox.doorbell import FakeDoorbell
from tests.billing_bridge.builders import HMAC_KEY, ORGANIZATION, make_body, make_subscription, sign

DEEP = b'{"a":' * 900 + b"1" + b"}" * 900
VERY_DEEP = b"[" * 100_000


def envelope(**changes: Any) -> bytes:
    return json.dumps(json.loads(make_body()) | changes).encode()


@pytest.fixture
def bridge(make_bridge: Callable[..., Bridge]) -> Bridge:
    return make_bridge(adapters={"doorbell": FakeDoorbell()}, lago_organization_id=ORGANIZATION)


@pytest.fixture
def client(bridge: Bridge) -> Iterator[TestClient]:
    with TestClient(create_app(bridge), raise_server_exceptions=False) as made:
        yield made


def post(client: TestClient, raw: bytes, headers: dict[str, str] | None = None) -> Any:
    return client.post("/webhooks/lago", content=raw, headers=sign(raw) if headers is None else headers)


class TestAccepted:
    def test_the_same_delivery_again_is_a_duplicate_and_rings_once(
        self, client: TestClient, bridge: Bridge, until: Callable[..., None]
    ) -> None:
        raw = make_body()
        headers = sign(raw, unique_key="key-1")
        answers = [post(client, raw, headers).json()["received"] for _ in range(3)]
        assert answers == ["new", "duplicate", "duplicate"]
        assert len(bridge.store.list_events(limit=9)) == 1
        until(lambda: bridge.doorbell.rings == 1, what="the ring")  # type: ignore[attr-defined]

    def test_a_hundred_at_once_make_one_row(self, client: TestClient, bridge: Bridge) -> None:
        raw = make_body()
        headers = sign(raw, unique_key="key-1")
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: post(client, raw, headers), range(100)))
        assert {answer.status_code for answer in answers} == {200}
        assert [answer.json()["received"] for answer in answers].count("new") == 1
        assert len(bridge.store.list_events(limit=9)) == 1

    def test_an_unknown_type_is_stored_and_ignored(self, client: TestClient, bridge: Bridge) -> None:
        raw = make_body("wallet.created", {"lago_id": "w"})
        assert post(client, raw).json() == {"received": "new", "handled": False}
        assert [event.status for event in bridge.store.list_events(limit=9)] == ["ignored"]
        assert bridge.doorbell.rings == 0  # type: ignore[attr-defined]

    def test_the_body_is_kept_byte_for_byte(self, client: TestClient, bridge: Bridge) -> None:
        raw = make_body().replace(b'"acme"', b'"\\u003cacme\\u003e"')
        assert post(client, raw).status_code == 200
        assert bridge.store.list_events(limit=1)[0].body == raw

    def test_a_silent_bell_loses_nothing(self, make_bridge: Callable[..., Bridge]) -> None:
        bridge = make_bridge()
        with TestClient(create_app(bridge)) as client:
            assert post(client, make_body()).status_code == 200
        assert bridge.store.has_due(now=bridge.clock())


class TestRefused:
    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"text"',
            b"\xff\xfe",
            b'{"webhook_type": NaN}',
            DEEP,
            VERY_DEEP,
            envelope(webhook_type=None),
            envelope(webhook_type=7),
            envelope(webhook_type={}),
            envelope(webhook_type=""),
            envelope(webhook_type="x" * 500),
            envelope(webhook_type="drop table; --"),
            envelope(webhook_type="a.b\ud800"),
            envelope(organization_id=None),
            envelope(organization_id=["org-1"]),
            envelope(object_type=None),
            envelope(object_type=[]),
            envelope(object_type="webhook_type"),
            envelope(object_type="missing"),
            envelope(subscription=None),
            envelope(subscription="text"),
            envelope(subscription=make_subscription(name="\ud800")),
            envelope(subscription={"\udfff": 1}),
            envelope(subscription={"n": 10**30}),
            make_body().replace(b'"acme"', b"1e999", 1),
            make_body().replace(b'"acme"', b"9" * 5000, 1),
        ],
    )
    def test_a_malformed_body_is_refused_and_not_stored(
        self, client: TestClient, bridge: Bridge, raw: bytes
    ) -> None:
        answer = post(client, raw)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "webhook_refused"
        assert bridge.store.list_events(limit=9) == []

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"X-Lago-Signature": ""}, 401),
            ({"X-Lago-Signature": "AAAA"}, 401),
            ({"X-Lago-Signature": sign(b"other")["X-Lago-Signature"]}, 401),
            ({"X-Lago-Signature": sign(make_body(), key="wrong")["X-Lago-Signature"]}, 401),
            ({"X-Lago-Signature": sign(make_body())["X-Lago-Signature"] + "\n "}, 200),
            ({"X-Lago-Signature-Algorithm": ""}, 401),
            ({"X-Lago-Signature-Algorithm": "jwt"}, 401),
            ({"X-Lago-Signature-Algorithm": "none"}, 401),
            ({"X-Lago-Signature-Algorithm": "HMAC "}, 401),
            ({"X-Lago-Unique-Key": ""}, 400),
            ({"X-Lago-Unique-Key": "k" * 65}, 400),
            ({"X-Lago-Unique-Key": "a b"}, 400),
        ],
    )
    def test_headers_must_prove_the_body(
        self, client: TestClient, bridge: Bridge, changed: dict[str, str], status: int
    ) -> None:
        raw = make_body()
        headers = {name: value.strip() for name, value in (sign(raw) | changed).items()}
        assert post(client, raw, headers).status_code == status
        assert len(bridge.store.list_events(limit=9)) == (status == 200)

    @pytest.mark.parametrize(
        "missing", ["X-Lago-Signature", "X-Lago-Signature-Algorithm", "X-Lago-Unique-Key"]
    )
    def test_a_missing_header_is_refused(self, client: TestClient, bridge: Bridge, missing: str) -> None:
        raw = make_body()
        headers = {name: value for name, value in sign(raw).items() if name != missing}
        assert post(client, raw, headers).status_code in {400, 401}
        assert bridge.store.list_events(limit=9) == []

    def test_the_signature_of_reserialised_json_does_not_match(self, client: TestClient) -> None:
        raw = make_body()
        assert post(client, json.dumps(json.loads(raw), indent=1).encode(), sign(raw)).status_code == 401

    def test_another_organisation_is_refused(self, client: TestClient, bridge: Bridge) -> None:
        answer = post(client, envelope(organization_id="org-2"))
        assert (answer.status_code, answer.json()["code"]) == (403, "organization_refused")
        assert bridge.store.list_events(limit=9) == []

    def test_a_body_over_the_limit_is_refused_whether_declared_or_not(
        self, client: TestClient, bridge: Bridge
    ) -> None:
        large = envelope(subscription={"x": "y" * bridge.settings.webhook_max_bytes})
        chunks = (large[i : i + 65_536] for i in range(0, len(large), 65_536))
        assert post(client, large).status_code == 413
        assert client.post("/webhooks/lago", content=chunks, headers=sign(large)).status_code == 413
        assert bridge.store.list_events(limit=9) == []

    def test_without_a_secret_the_route_does_not_exist(self, make_bridge: Callable[..., Bridge]) -> None:
        with TestClient(create_app(make_bridge(webhook_hmac_key=None))) as client:
            answer = post(client, make_body())
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"

    def test_an_empty_secret_is_no_secret(self, make_bridge: Callable[..., Bridge]) -> None:
        with TestClient(create_app(make_bridge(webhook_hmac_key=""))) as client:
            assert post(client, make_body(), sign(make_body(), key="")).status_code == 404

    def test_a_broken_database_asks_for_another_delivery(self, make_bridge: Callable[..., Bridge]) -> None:
        bridge = make_bridge(database_url="sqlite:////nowhere/at/all/bridge.db")
        with TestClient(create_app(bridge), raise_server_exceptions=False) as client:
            answer = post(client, make_body())
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"] == "5"

    def test_the_key_never_leaves(self, client: TestClient) -> None:
        answer = post(client, make_body(), sign(make_body(), key="wrong"))
        assert HMAC_KEY not in answer.text
        assert base64.b64encode(HMAC_KEY.encode()).decode() not in answer.text


def test_deliveries_are_counted_by_type_and_outcome(client: TestClient) -> None:
    raw = make_body()
    headers = sign(raw, unique_key="key-1")
    for _ in range(2):
        post(client, raw, headers)
    post(client, raw, headers | {"X-Lago-Signature": "AAAA"})
    text = client.get("/metrics").text
    for line in (
        'press_bridge_webhooks_received_total{outcome="new",type="subscription.started"} 1.0',
        'press_bridge_webhooks_received_total{outcome="duplicate",type="subscription.started"} 1.0',
        'press_bridge_webhooks_received_total{outcome="signature_refused",type="unproven"} 1.0',
        "press_bridge_inbox_waiting 1.0",
        "press_bridge_inbox_dead 0.0",
        "press_bridge_webhook_seconds_count 3.0",
    ):
        assert line in text
