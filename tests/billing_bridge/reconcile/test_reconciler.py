"""The reconciler finds every difference, repairs what it may, and reports the rest."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from billing_bridge.bootstrap import Bridge
from billing_bridge.handlers.dispatch import new_sync
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.lago.fake import FakeLago
from billing_bridge.policy import Customer, Entitlements
from billing_bridge.reconcile.mismatches import Mismatch
from billing_bridge.reconcile.reconciler import Report
from tests.billing_bridge.builders import make_debt, make_generation
from tests.billing_bridge.servers import PressServer


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class Setting:
    def __init__(self, bridge: Bridge, lago: FakeLago, press: PressServer, clock: Clock) -> None:
        self.bridge = bridge
        self.lago = lago
        self.press = press
        self.clock = clock

    def run(self) -> Report:
        return self.bridge.reconciler.run(correlation_id="c")

    def see(self, external_id: str = "acme", **view: Any) -> None:
        """What the control plane holds."""
        facts = {"external_id": external_id, "wanted": "run", "plan_code": "starter", "reason": None}
        self.press.views[external_id] = facts | {"observed_at": "2026-11-01T00:00:00Z", "sites": []} | view

    @property
    def mismatches(self) -> list[Mismatch]:
        return self.bridge.mismatches.list_mismatches()


@pytest.fixture
def setting(make_bridge: Callable[..., Bridge], press_server: PressServer) -> Setting:
    lago, clock = FakeLago(plans={"starter": Entitlements(sites=1)}), Clock()
    lago.customers["acme-inc"] = Customer(external_id="acme-inc", name="Acme", email="o@acme.example")
    bridge = make_bridge(adapters={"lago": lago, "doorbell": FakeDoorbell(), "clock": clock})
    return Setting(bridge, lago, press_server, clock)


def test_a_lost_start_is_repaired_and_reported(setting: Setting) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1")
    report = setting.run()
    assert (report.compared, report.mismatches, report.repaired, report.error) == (1, 1, 1, None)
    assert setting.press.views["acme"]["wanted"] == "run"
    [mismatch] = setting.mismatches
    assert (mismatch.external_id, mismatch.kind, mismatch.press_had) == ("acme", "missing", None)
    assert mismatch.lago_says is not None
    assert mismatch.lago_says["wanted"] == "run"
    assert mismatch.repaired_at is not None
    assert setting.run().mismatches == 0


@pytest.mark.parametrize(
    ("generation", "debt", "view", "wanted"),
    [
        ({"status": "terminated"}, None, {}, "end"),
        ({}, {}, {}, "hold"),
        ({}, {"payment_status": "succeeded"}, {"wanted": "hold", "reason": {"code": "unpaid"}}, "run"),
        ({"plan_code": "business"}, None, {}, "run"),
        ({"status": "pending"}, None, {}, "hold"),
        ({}, {}, {"wanted": "hold", "reason": {"code": "not_active"}}, "hold"),
        ({}, None, {"wanted": "end", "reason": {"code": "terminated"}}, "run"),
    ],
)
def test_what_differs_is_repaired(
    setting: Setting,
    generation: dict[str, Any],
    debt: dict[str, Any] | None,
    view: dict[str, Any],
    wanted: str,
) -> None:
    setting.see(**view)
    setting.lago.subscriptions["1"] = make_generation(lago_id="1", **generation)
    if debt is not None:
        setting.lago.invoices["inv-1"] = make_debt(**debt)
    report = setting.run()
    assert (report.mismatches, report.repaired) == (1, 1)
    assert setting.press.views["acme"]["wanted"] == wanted
    [mismatch] = setting.mismatches
    assert mismatch.kind == "differs"
    assert mismatch.press_had is not None
    assert mismatch.press_had["wanted"] == view.get("wanted", "run")
    assert setting.run().mismatches == 0


@pytest.mark.parametrize("status", ["pending", "incomplete", "terminated", "canceled"])
def test_what_the_control_plane_need_not_know_is_no_difference(setting: Setting, status: str) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1", status=status)
    assert setting.run().mismatches == 0
    assert setting.press.puts == []


def test_absence_in_lago_ends_nothing_and_stays_reported_until_it_is_over(setting: Setting) -> None:
    setting.see()
    for times in (1, 2):
        report = setting.run()
        assert (report.mismatches, report.repaired) == (1, 0)
        [mismatch] = setting.mismatches
        assert (mismatch.kind, mismatch.times_seen, mismatch.repaired_at) == ("unknown_to_lago", times, None)
    assert setting.press.puts == []
    assert setting.bridge.mismatches.count_open() == 1
    setting.lago.subscriptions["1"] = make_generation(lago_id="1")
    setting.run()
    assert setting.bridge.mismatches.count_open() == 0


def test_a_torn_picture_is_reported_and_ends_nothing(setting: Setting) -> None:
    setting.see()
    setting.lago.subscriptions["1"] = make_generation(
        lago_id="1", status="terminated", next_plan_code="business"
    )
    assert setting.run().repaired == 0
    assert [m.kind for m in setting.mismatches] == ["undecided"]
    assert setting.press.puts == []


def test_an_unreadable_lago_changes_nothing(setting: Setting) -> None:
    setting.see()
    setting.lago.is_down = True
    report = setting.run()
    assert report.error is not None
    assert setting.mismatches == []
    assert setting.press.puts == []
    note = setting.bridge.mismatches.find_note("reconcile")
    assert note is not None
    assert note["error"] == report.error


def test_a_control_plane_that_refuses_keeps_the_mismatch_open(setting: Setting) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1", plan_code="nope")
    setting.press.refuse_put = (422, {"code": "plan_unknown", "detail": "There is no plan nope."})
    report = setting.run()
    assert (report.mismatches, report.repaired) == (1, 0)
    [mismatch] = setting.mismatches
    assert mismatch.repaired_at is None
    assert mismatch.error is not None
    assert "There is no plan nope." in mismatch.error


def test_a_lost_plan_event_is_noticed_by_the_plans_entitlements(setting: Setting) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1")
    setting.run()
    assert setting.run().refreshed == 0
    setting.lago.plans["starter"] = Entitlements(sites=9)
    assert setting.run().refreshed == 1
    assert setting.press.puts[-1][1]["entitlements"]["sites"] == 9
    assert setting.run().refreshed == 0


def test_an_override_is_not_read_again_and_again(setting: Setting) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1")
    setting.lago.entitlements["acme"] = Entitlements(sites=5)
    setting.run()
    assert setting.run().refreshed == 1
    assert setting.run().refreshed == 0


def test_everything_is_read_in_full_once_a_day(setting: Setting) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1")
    setting.run()
    setting.clock.now += timedelta(hours=25)
    assert (setting.run().refreshed, setting.run().refreshed) == (1, 0)


def test_many_subscriptions_are_compared_in_one_reading_of_each_side(setting: Setting) -> None:
    for number in range(300):
        external_id = f"s{number}"
        setting.lago.subscriptions[external_id] = make_generation(
            lago_id=external_id, external_id=external_id
        )
        setting.see(external_id)
        setting.bridge.ledger.mark_known([external_id])
    setting.run()
    setting.lago.asked.clear()
    assert setting.run().compared == 300
    assert setting.lago.asked == ["subscriptions", "invoices", "plans"]


def test_the_ticker_stores_one_reconcile_per_interval_and_runs_it(setting: Setting) -> None:
    setting.lago.subscriptions["1"] = make_generation(lago_id="1")
    for _ in range(3):
        setting.bridge.ticker.reconcile_if_due()
    setting.clock.now += timedelta(seconds=301)
    setting.bridge.ticker.reconcile_if_due()
    events = setting.bridge.store.list_events(limit=9)
    assert [(e.webhook_type, e.status) for e in events] == [("bridge.reconcile", "handled")] * 2
    assert events[-1].outcome == "1 compared, 1 differed, 1 repaired, 0 refreshed"


def test_the_sweep_rings_only_when_something_is_due(setting: Setting) -> None:
    bell = setting.bridge.doorbell
    assert isinstance(bell, FakeDoorbell)
    setting.bridge.ticker.sweep()
    assert bell.rings == 0
    setting.bridge.store.insert([new_sync("acme", correlation_id="c")], now=setting.clock())
    setting.bridge.ticker.sweep()
    assert bell.rings == 1


def test_the_sweep_hears_of_what_is_put_off_when_its_moment_comes(setting: Setting) -> None:
    bell = setting.bridge.doorbell
    assert isinstance(bell, FakeDoorbell)
    store = setting.bridge.store
    store.insert([new_sync("acme", correlation_id="c")], now=setting.clock())
    event = store.claim(owner="w", now=setting.clock(), lease=timedelta(seconds=10))
    assert event is not None
    store.retry_at(event, when=setting.clock() + timedelta(seconds=4), code="x", message="x")
    setting.bridge.ticker.sweep()
    setting.clock.now += timedelta(seconds=3)
    setting.bridge.ticker.sweep()
    assert bell.rings == 0
    setting.clock.now += timedelta(seconds=1)
    setting.bridge.ticker.sweep()
    assert bell.rings == 1


def test_the_sweep_hears_of_a_dead_worker_though_nobody_writes(setting: Setting) -> None:
    bell = setting.bridge.doorbell
    assert isinstance(bell, FakeDoorbell)
    store = setting.bridge.store
    store.insert([new_sync("acme", correlation_id="c")], now=setting.clock())
    assert store.claim(owner="w", now=setting.clock(), lease=timedelta(seconds=8)) is not None
    setting.bridge.ticker.sweep()
    assert bell.rings == 0
    setting.clock.now += timedelta(seconds=9)
    setting.bridge.ticker.sweep()
    assert bell.rings == 1


def test_a_dead_bell_is_rung_for_each_event_until_it_answers(setting: Setting) -> None:
    bell = setting.bridge.doorbell
    assert isinstance(bell, FakeDoorbell)
    for name in ("acme", "bakery"):
        setting.bridge.store.insert([new_sync(name, correlation_id=name)], now=setting.clock())
    for expected in (1, 2, 3):
        setting.bridge.ticker.sweep()
        assert bell.rings == expected


@pytest.fixture
def statements(setting: Setting) -> list[str]:
    """What the inbox is asked, from when nothing is left to be done in it."""
    asked: list[str] = []
    sa.event.listen(setting.bridge.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for _ in range(2):
        setting.bridge.ticker.sweep()
        setting.bridge.ticker.reconcile_if_due()
    asked.clear()
    return asked


def test_the_inbox_is_read_when_the_clock_was_put_back(setting: Setting, statements: list[str]) -> None:
    setting.clock.now -= timedelta(hours=1)
    setting.bridge.ticker.sweep()
    assert statements


def test_a_quiet_inbox_is_not_read(setting: Setting, statements: list[str]) -> None:
    for _ in range(4):
        setting.clock.now += timedelta(seconds=2)
        setting.bridge.ticker.sweep()
        setting.bridge.ticker.reconcile_if_due()
    tells_changes = setting.bridge.engine.dialect.name == "sqlite"
    assert not statements if tells_changes else len(statements) >= 4


def test_old_rows_are_cleaned_up(setting: Setting) -> None:
    setting.bridge.ticker.reconcile_if_due()
    setting.clock.now += timedelta(days=3)
    setting.bridge.ticker.clean_up()
    assert setting.bridge.store.list_events(limit=9) == []
