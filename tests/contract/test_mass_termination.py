"""A burst of terminations in Lago, through the bridge and into the control plane: it stops, and asks an operator."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from billing_bridge import bootstrap
from billing_bridge.bootstrap import Bridge
from billing_bridge.config import Settings
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.events import EventStatus, NewEvent
from billing_bridge.lago.fake import FakeLago
from billing_bridge.migrations.schema import upgrade_database
from press_app.sites.lifecycle import Wanted
from tests.billing_bridge.builders import make_body, make_generation, make_subscription
from tests.factories.access import bearer, make_token
from tests.press_app.driver import Driver

MANY = 12
IDS = [f"acme-{number}" for number in range(MANY)]


class Press:
    """The bridge's port to the control plane, over the control plane's own API in this process."""

    def __init__(self, client: TestClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def put_subscription(
        self, external_id: str, body: Mapping[str, Any], *, correlation_id: str
    ) -> dict[str, Any]:
        headers = self._headers | {"X-Correlation-ID": correlation_id}
        answer = self._client.put(
            f"/v1/subscriptions/{quote(external_id, safe='')}", json=dict(body), headers=headers
        )
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def list_subscriptions(self, *, correlation_id: str) -> Iterator[dict[str, Any]]:
        headers = self._headers | {"X-Correlation-ID": correlation_id}
        page = self._client.get("/v1/subscriptions", params={"limit": 200}, headers=headers).json()
        assert page["next_cursor"] is None
        yield from page["items"]

    def check(self, *, timeout: float) -> None:
        """It is in this process."""


@pytest.fixture
def headers(driver: Driver) -> dict[str, dict[str, str]]:
    with driver.work.begin(actor="test") as uow:
        return {
            "bridge": bearer(make_token(uow, ["subscriptions:write"])),
            "operator": bearer(make_token(uow, ["operator"])),
        }


@pytest.fixture
def lago() -> FakeLago:
    """Every subscription runs."""
    fake = FakeLago()
    for external_id in IDS:
        set_status(fake, external_id, "active")
    return fake


@pytest.fixture
def bridge(
    lago: FakeLago, client: TestClient, driver: Driver, headers: dict[str, dict[str, str]], tmp_path: Path
) -> Iterator[Bridge]:
    options = Settings(database_url=f"sqlite:///{tmp_path}/bridge.db")
    upgrade_database(options.database_url)
    press = Press(client, headers["bridge"])
    made = bootstrap.bootstrap(
        options, lago=lago, press=press, doorbell=FakeDoorbell(), clock=driver.clock.now
    )
    yield made
    made.engine.dispose()


def set_status(lago: FakeLago, external_id: str, status: str) -> None:
    lago.subscriptions[external_id] = make_generation(
        lago_id=external_id, external_id=external_id, status=status, name=external_id
    )


def end_all(lago: FakeLago) -> None:
    for external_id in IDS:
        set_status(lago, external_id, "terminated")


def tell(bridge: Bridge) -> None:
    """Every termination by its webhook, all at once."""
    kind = "subscription.terminated"
    events = [
        NewEvent(
            unique_key=external_id,
            webhook_type=kind,
            body=make_body(kind, make_subscription(external_id, lago_id=external_id, status="terminated")),
        )
        for external_id in IDS
    ]
    bridge.store.insert(events, now=bridge.clock())
    bridge.worker.drain()
    assert len(bridge.store.list_events(status=EventStatus.HANDLED, limit=MANY + 1)) == MANY


def compare(bridge: Bridge) -> None:
    """Every webhook is lost; the reconcile finds all of it at once."""
    assert bridge.reconciler.run(correlation_id="c").error is None


@pytest.mark.parametrize("hear", [tell, compare])
def test_a_burst_of_terminations_stops_and_asks(
    hear: Any,
    bridge: Bridge,
    lago: FakeLago,
    client: TestClient,
    driver: Driver,
    headers: dict[str, dict[str, str]],
) -> None:
    compare(bridge)
    driver.finish_all()
    assert len(driver.list_sites()) == MANY
    driver.clock.advance(minutes=1)
    end_all(lago)
    hear(bridge)
    driver.finish_all()
    guard = client.get("/v1/termination-guard", headers=headers["operator"]).json()
    assert guard["is_tripped"] is True
    assert [site.name for site in driver.list_sites() if site.wanted is Wanted.ARCHIVED] == []
    compare(bridge)  # Saying it again does not get around the question.
    driver.finish_all()
    assert [site.name for site in driver.list_sites() if site.wanted is Wanted.ARCHIVED] == []


def test_what_comes_back_in_lago_runs_on_though_the_guard_stands(
    bridge: Bridge, lago: FakeLago, driver: Driver
) -> None:
    compare(bridge)
    driver.finish_all()
    driver.clock.advance(minutes=1)
    end_all(lago)
    compare(bridge)
    driver.clock.advance(minutes=1)
    for external_id in IDS:
        set_status(lago, external_id, "active")
    compare(bridge)
    driver.finish_all()
    assert {site.wanted for site in driver.list_sites()} == {Wanted.RUNNING}
