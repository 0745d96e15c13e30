"""Lago's life beside ours: whatever customers do and however webhooks arrive, a reconcile ends where Lago is.

Lago is the shipped sandbox over real HTTP; the control plane is its contract in memory; the verdict is `oracle.py`.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing_bridge import bootstrap
from billing_bridge.config import Settings
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.inbox.events import EventStatus, NewEvent
from billing_bridge.migrations.schema import upgrade_database
from billing_bridge.sandbox.webhooks.signing import ensure_rsa_key
from tests.billing_bridge.attack.oracle import Picture, judge, read_limits
from tests.billing_bridge.sandbox.conftest import short_settings
from tests.billing_bridge.sandbox.driver import Driver, Running, RunningTime
from tests.billing_bridge.sandbox.receiver import Receiver, wait_until
from tests.billing_bridge.test_convergence import RememberingPress, TickingClock

EXAMPLES = int(os.environ.get("PRESS_TEST_LAGO_EXAMPLES", "6"))
STEPS = int(os.environ.get("PRESS_TEST_LAGO_STEPS", "14"))
CUSTOMERS = st.sampled_from(["acme", "bolt"])
IDS = st.sampled_from(["one", "two"])
PLANS = st.sampled_from(["starter", "business", "free"])
OUTCOMES = st.sampled_from(["succeeded", "failed", "pending"])
STATUSES = "status[]=active&status[]=pending&status[]=incomplete&status[]=terminated&status[]=canceled"
GATED = {"activation_rules": [{"type": "payment", "timeout_hours": 48}]}
SILENT = frozenset({"succeeded", "failed", "dropped"})


class Lago:
    """The sandbox as its customers and operators use it; a refusal of theirs changes nothing and is no error."""

    def __init__(self, running: Running, receiver: Receiver) -> None:
        self.driver = Driver(running)
        self.receiver = receiver
        self.seen = 0

    def reset(self) -> None:
        self.driver.post("/sandbox/reset")
        self.seen = 0
        endpoint = {"webhook_url": self.receiver.url, "signature_algo": "hmac"}
        self.driver.post("/webhook_endpoints", {"webhook_endpoint": endpoint})
        for code in ("sites", "users"):
            privileges = [{"code": "max", "value_type": "integer"}]
            self.driver.post("/features", {"feature": {"code": code, "name": code, "privileges": privileges}})
        for plan, cents, sites in (("free", 0, 1), ("starter", 2900, 2), ("business", 9900, 5)):
            self.driver.plan(plan, cents)
            limits = {"sites": {"max": sites}, "users": {"max": sites * 5}}
            self.driver.post(f"/plans/{plan}/entitlements", {"entitlements": limits})
        for customer in ("acme", "bolt"):
            self.driver.customer(customer)

    def ask(self, method: str, path: str, body: Any = None) -> None:
        url = f"{self.driver.running.url}/api/v1{path}"
        key = self.driver.running.settings.api_key.get_secret_value()
        answer = requests.request(
            method, url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        assert answer.ok or answer.status_code in {403, 404, 405, 422}, answer.text

    def take_webhooks(self) -> list[dict[str, Any]]:
        """What was sent since the last call, in the order of its events."""

        def settled() -> bool:
            return all(each["status"] in SILENT for each in self.driver.deliveries(after=self.seen))

        wait_until(settled, "all webhooks sent", 30)
        found = self.driver.deliveries(after=self.seen)
        self.seen = max([self.seen, *(each["sequence"] for each in found)])
        return [json.loads(each["payload"]) for each in found if each["payload"]]

    def read(self) -> Picture:
        listed = self.driver.get(f"/subscriptions?{STATUSES}&per_page=1000")["subscriptions"]
        invoices = [
            self.driver.get(f"/invoices/{each['lago_id']}")["invoice"] for each in self.driver.invoices()
        ]
        return Picture(listed, invoices)

    def read_limits(self, external_id: str) -> dict[str, Any] | None:
        return read_limits(self.driver.get(f"/subscriptions/{external_id}/entitlements")["entitlements"])


class LagoBesideOurs(RuleBasedStateMachine):
    """Rules are what customers, providers and the network do."""

    lago: Lago
    folder: Path

    @initialize()
    def begin(self) -> None:
        self.lago.reset()
        self.stack = ExitStack()
        folder = self.stack.enter_context(TemporaryDirectory(dir=self.folder))
        options = Settings.model_validate(
            {
                "database_url": f"sqlite:///{folder}/bridge.db",
                "lago_api_url": self.lago.driver.running.url,
                "lago_api_key": self.lago.driver.running.settings.api_key,
                "backoff_first": 0.01,
                "backoff_max": 0.01,
            }
        )
        upgrade_database(options.database_url)
        self.press, self.clock = RememberingPress(), TickingClock()
        self.bridge = bootstrap.bootstrap(
            options, press=self.press, doorbell=FakeDoorbell(), clock=self.clock
        )
        self.stack.callback(self.bridge.engine.dispose)
        self.pool: list[dict[str, Any]] = []
        self.number = 0
        self.collect()

    def collect(self) -> None:
        self.pool += self.lago.take_webhooks()

    @rule(external_id=IDS, customer=CUSTOMERS, plan=PLANS, gated=st.booleans())
    def subscribe_or_change_the_plan(self, external_id: str, customer: str, plan: str, gated: bool) -> None:
        given = {"external_customer_id": customer, "plan_code": plan, "external_id": external_id}
        self.lago.ask("POST", "/subscriptions", {"subscription": given | (GATED if gated else {})})
        self.collect()

    @rule(external_id=IDS)
    def terminate(self, external_id: str) -> None:
        self.lago.ask("DELETE", f"/subscriptions/{external_id}")
        self.collect()

    @rule(external_id=IDS)
    def cancel_what_is_pending(self, external_id: str) -> None:
        self.lago.ask("DELETE", f"/subscriptions/{external_id}?status=pending")
        self.collect()

    @rule(number=st.integers(0, 3), outcome=OUTCOMES)
    def the_provider_speaks_of_an_invoice(self, number: int, outcome: str) -> None:
        invoices = self.lago.driver.get("/sandbox/invoices")["invoices"]
        payable = [each for each in invoices if each["status"] in {"open", "finalized"}]
        if number < len(payable):
            path = f"/sandbox/invoices/{payable[number]['lago_id']}/payment"
            self.lago.driver.post(path, {"status": outcome})
        self.collect()

    @rule(number=st.integers(0, 2))
    def an_invoice_is_voided(self, number: int) -> None:
        invoices = self.lago.driver.invoices()
        if number < len(invoices):
            self.lago.ask("POST", f"/invoices/{invoices[number]['lago_id']}/void")
        self.collect()

    @rule(outcome=OUTCOMES)
    def cards_behave_otherwise(self, outcome: str) -> None:
        self.lago.driver.post("/sandbox/auto_pay", {"outcome": outcome})

    @rule(days=st.sampled_from([1, 3, 32]))
    def time_passes(self, days: int) -> None:
        self.lago.driver.advance(days=days)
        self.collect()

    @rule(plan=PLANS, sites=st.integers(1, 9))
    def a_plan_grants_otherwise(self, plan: str, sites: int) -> None:
        self.lago.ask("PATCH", f"/plans/{plan}/entitlements", {"entitlements": {"sites": {"max": sites}}})
        self.collect()

    @rule(customer=CUSTOMERS, name=st.sampled_from(["Acme", "Acme & Sons", "\u00c6on"]))
    def a_customer_is_renamed(self, customer: str, name: str) -> None:
        self.lago.ask("POST", "/customers", {"customer": {"external_id": customer, "name": name}})
        self.collect()

    @rule(customer=CUSTOMERS)
    def a_customer_is_deleted_and_comes_back(self, customer: str) -> None:
        self.lago.ask("DELETE", f"/customers/{customer}")
        self.lago.driver.customer(customer)
        self.collect()

    @precondition(lambda self: self.pool)
    @rule(data=st.data())
    def webhooks_arrive_in_any_order_and_number(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 4), "how many")):
            body = self.pool[data.draw(st.integers(0, len(self.pool) - 1), "which")]
            self.number += 1
            event = NewEvent(
                unique_key=f"k{self.number}",
                webhook_type=body["webhook_type"],
                body=json.dumps(body).encode(),
            )
            self.bridge.store.insert([event], now=self.clock())
        self.work()

    @rule()
    def webhooks_are_lost(self) -> None:
        self.pool.clear()

    @rule()
    def reconcile(self) -> None:
        self.compare(self.lago.read(), thorough=False)

    def work(self) -> None:
        """Handle everything; while something stands in Lago, nothing may be ended."""
        already = len(self.press.ended)
        self.bridge.worker.drain()
        dead = self.bridge.store.list_events(status=EventStatus.DEAD, limit=5)
        assert [each.error_code for each in dead if each.error_code == "unexpected"] == []
        standing = {
            each["external_id"]
            for each in self.lago.read().subscriptions
            if each["status"] not in {"terminated", "canceled"}
        }
        assert standing.isdisjoint(self.press.ended[already:])

    def compare(self, picture: Picture, *, thorough: bool) -> None:
        report = self.bridge.reconciler.run(correlation_id="c")
        assert report.error is None
        for external_id in sorted({each["external_id"] for each in picture.subscriptions}):
            self.compare_one(picture, external_id, thorough=thorough)
        assert self.press.views.keys() <= {each["external_id"] for each in picture.subscriptions}

    def compare_one(self, picture: Picture, external_id: str, *, thorough: bool) -> None:
        verdict, held = judge(picture, external_id), self.press.views.get(external_id)
        if held is None:
            assert not verdict.must_be_known
            return
        assert (held["wanted"], (held["reason"] or {}).get("code")) == (verdict.wanted, verdict.reason)
        if verdict.wanted == "end":
            return
        assert held["plan_code"] == verdict.plan_code
        assert held["customer"]["external_id"] == verdict.customer
        if verdict.must_be_known:
            assert held["entitlements"] == self.lago.read_limits(external_id)
        if thorough and verdict.must_be_known:
            customer = self.lago.driver.get(f"/customers/{verdict.customer}")["customer"]
            assert held["customer"]["name"] == customer["name"]

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        try:
            self.pool.clear()
            self.compare(self.lago.read(), thorough=False)
            self.clock.now += timedelta(hours=25)  # The full reading of the day finds what no listing shows.
            self.compare(self.lago.read(), thorough=True)
        finally:
            self.stack.close()


@pytest.fixture(scope="module")
def lago(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lago]:
    folder = tmp_path_factory.mktemp("lago")
    ensure_rsa_key(folder / "key.pem")
    with (
        Receiver() as receiver,
        Running(short_settings(folder, folder / "key.pem"), RunningTime()) as running,
    ):
        yield Lago(running, receiver)


def test_an_id_that_another_customer_took_is_his_after_a_reconcile(lago: Lago, tmp_path: Path) -> None:
    """The plan is the same and every webhook is lost, so no listing shows a difference."""
    machine = type("Machine", (LagoBesideOurs,), {"lago": lago, "folder": tmp_path})()
    machine.begin()
    machine.subscribe_or_change_the_plan(external_id="one", customer="acme", plan="free", gated=False)
    machine.reconcile()
    machine.terminate(external_id="one")
    machine.subscribe_or_change_the_plan(external_id="one", customer="bolt", plan="free", gated=False)
    machine.webhooks_are_lost()
    machine.teardown()


@pytest.mark.timeout(3_600)
def test_every_life_ends_where_lago_is(lago: Lago, tmp_path: Path) -> None:
    machine = type("Machine", (LagoBesideOurs,), {"lago": lago, "folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize="PRESS_TEST_LAGO_EXAMPLES" not in os.environ,
            phases=(Phase.generate, Phase.shrink) if EXAMPLES > 6 else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
