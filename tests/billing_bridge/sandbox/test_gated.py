"""Starts that wait for their first payment."""

from typing import Any

import pytest

from tests.billing_bridge.sandbox.driver import Driver
from tests.billing_bridge.sandbox.receiver import Receiver

RULES: dict[str, Any] = {"activation_rules": [{"type": "payment", "timeout_hours": 48}]}


@pytest.fixture
def shop(lago: Driver) -> Driver:
    """A customer with a card, two plans, and a provider that answers nothing by itself."""
    lago.customer()
    lago.plan("starter", 2900)
    lago.plan("business", 9900)
    lago.post("/sandbox/auto_pay", {"outcome": "pending"})
    return lago


def sent(lago: Driver, setup: int = 3) -> list[str]:
    return lago.sent_types()[setup:]


def pay(lago: Driver, status: str, how: str = "asynchronous") -> None:
    hidden = [each for each in lago.get("/sandbox/invoices")["invoices"] if each["status"] == "open"]
    lago.post(f"/sandbox/invoices/{hidden[0]['lago_id']}/payment", {"status": status, "how": how})


class TestGatedStart:
    def test_it_waits_hidden_and_starts_when_paid(self, shop: Driver, receiver: Receiver) -> None:
        made = shop.subscribe("starter", **RULES)
        assert (made["status"], made["activation_rules"][0]["status"]) == ("incomplete", "pending")
        assert sent(shop) == ["subscription.incomplete"]
        assert shop.invoices() == []
        pay(shop, "succeeded")
        assert sent(shop) == ["subscription.incomplete", "subscription.started", "invoice.created"]
        started = receiver.wait_for("subscription.started")[0].object
        assert (started["status"], started["activation_rules"][0]["status"]) == ("active", "satisfied")
        assert receiver.wait_for("invoice.created")[0].object["payment_status"] == "succeeded"
        assert [each["status"] for each in shop.invoices()] == ["finalized"]

    @pytest.mark.parametrize("how", ["synchronous", "asynchronous"])
    def test_a_refusal_cancels_without_any_invoice_event(
        self, shop: Driver, receiver: Receiver, how: str
    ) -> None:
        shop.subscribe("starter", **RULES)
        pay(shop, "failed", how)
        assert sent(shop) == ["subscription.incomplete", "subscription.canceled"]
        told = receiver.wait_for("subscription.canceled")[0].object
        assert (told["status"], told["cancellation_reason"]) == ("canceled", "payment_failed")
        assert shop.invoices() == []

    def test_it_times_out(self, shop: Driver, receiver: Receiver) -> None:
        shop.subscribe("starter", **RULES)
        shop.advance(hours=47)
        assert sent(shop) == ["subscription.incomplete"]
        shop.advance(hours=1)
        told = receiver.wait_for("subscription.canceled")[0].object
        assert (told["cancellation_reason"], told["activation_rules"][0]["status"]) == ("timeout", "expired")

    def test_zero_amount_is_incomplete_first_and_starts_by_itself(self, shop: Driver) -> None:
        shop.plan("free", 0)
        shop.subscribe("free", **RULES)
        assert sent(shop, 4) == ["subscription.incomplete", "subscription.started", "invoice.created"]
        assert shop.get("/subscriptions/acme-erp")["subscription"]["status"] == "active"

    def test_a_plan_in_arrears_is_not_gated(self, shop: Driver) -> None:
        shop.plan("late", pay_in_advance=False)
        made = shop.subscribe("late", **RULES)
        assert (made["status"], made["activation_rules"][0]["status"]) == ("active", "not_applicable")

    def test_nobody_may_touch_it_meanwhile(self, shop: Driver) -> None:
        shop.subscribe("starter", **RULES)
        given = {"external_customer_id": "acme", "plan_code": "business", "external_id": "acme-erp"}
        again = shop.post("/subscriptions", {"subscription": given}, expect=422)
        assert again["error_details"] == {"subscription": ["subscription_incomplete"]}
        edit = shop.put("/subscriptions/acme-erp", {"subscription": {"name": "x"}}, expect=405)
        assert edit["code"] == "subscription_incomplete"
        shop.delete("/subscriptions/acme-erp?status=incomplete", expect=422)

    def test_a_customer_without_a_provider_cannot_be_gated(self, shop: Driver) -> None:
        shop.customer("cash", provider=False)
        given = {"external_customer_id": "cash", "plan_code": "starter", "external_id": "x"} | RULES
        refused = shop.post("/subscriptions", {"subscription": given}, expect=422)
        assert refused["error_details"] == {"activation_rules": ["no_linked_payment_provider"]}


class TestGatedUpgrade:
    def begin(self, shop: Driver) -> tuple[Any, Any]:
        old = shop.subscribe("starter")
        return old, shop.subscribe("business", **RULES)

    def test_the_old_one_runs_until_the_money_is_there(self, shop: Driver, receiver: Receiver) -> None:
        old, new = self.begin(shop)
        assert new["status"] == "incomplete"
        assert shop.get("/subscriptions/acme-erp")["subscription"]["lago_id"] == old["lago_id"]
        refused = shop.delete("/subscriptions/acme-erp", expect=422)
        assert refused["error_details"] == {"subscription": ["next_subscription_incomplete"]}
        pay(shop, "succeeded")
        assert sent(shop)[2:] == [
            "subscription.incomplete",
            "subscription.terminated",
            "subscription.started",
            "invoice.created",
        ]
        assert shop.get("/subscriptions/acme-erp")["subscription"]["lago_id"] == new["lago_id"]
        assert receiver.wait_for("subscription.terminated")[0].object["lago_id"] == old["lago_id"]

    def test_a_refusal_leaves_the_tenant_live_on_the_old_plan(self, shop: Driver, receiver: Receiver) -> None:
        old, new = self.begin(shop)
        pay(shop, "failed")
        told = receiver.wait_for("subscription.canceled")[0].object
        assert (told["lago_id"], told["external_id"]) == (new["lago_id"], "acme-erp")
        live = shop.get("/subscriptions/acme-erp")["subscription"]
        assert (live["lago_id"], live["status"], live["next_plan_code"]) == (old["lago_id"], "active", None)

    def test_plan_deletion_leaves_it_alone(self, shop: Driver) -> None:
        old, _new = self.begin(shop)
        shop.delete("/plans/starter")
        shop.advance(seconds=1)
        live = shop.get("/subscriptions/acme-erp")["subscription"]
        assert (live["lago_id"], live["status"]) == (old["lago_id"], "active")
        shop.get("/plans/starter", expect=404)
