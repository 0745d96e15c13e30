"""Starts, plan changes and ends, event by event."""

from typing import Any

import pytest

from tests.billing_bridge.sandbox.driver import Driver
from tests.billing_bridge.sandbox.receiver import Receiver, wait_until

PAID_START = ["subscription.started", "invoice.created", "invoice.payment_status_updated"]


@pytest.fixture
def shop(lago: Driver) -> Driver:
    """A customer with a card and three plans; the events of making them are left out of ``sent``."""
    lago.customer()
    lago.plan("starter", 2900)
    lago.plan("business", 9900)
    lago.plan("yearly", 30000, interval="yearly")
    return lago


def sent(lago: Driver, setup: int = 4) -> list[str]:
    """Types in the order of their events, without those of the set-up."""
    return lago.sent_types()[setup:]


def statuses(lago: Driver, external_id: str = "acme-erp") -> list[tuple[str, str]]:
    listed = lago.get("/subscriptions", external_id=external_id, **{"status[]": "everything"})[
        "subscriptions"
    ]
    return sorted((each["plan_code"], each["status"]) for each in listed)


class TestCreate:
    def test_a_start_today_is_billed_in_advance_and_charged(self, shop: Driver, receiver: Receiver) -> None:
        made = shop.subscribe("starter", name="acme")
        assert (made["status"], made["name"], made["plan"]["code"]) == ("active", "acme", "starter")
        assert sent(shop) == PAID_START
        invoice = receiver.wait_for("invoice.created")[0].object
        # 10 to 31 March of 29 euro.
        assert (invoice["total_amount_cents"], invoice["invoice_type"]) == (2058, "subscription")
        assert invoice["billing_periods"][0]["invoicing_reason"] == "subscription_starting"

    def test_the_same_plan_again_answers_the_same_generation(self, shop: Driver) -> None:
        first = shop.subscribe("starter")
        assert shop.subscribe("starter")["lago_id"] == first["lago_id"]
        assert sent(shop) == PAID_START

    def test_a_plan_in_arrears_starts_without_an_invoice(self, shop: Driver) -> None:
        shop.plan("late", 3100, pay_in_advance=False)
        shop.subscribe("late")
        assert sent(shop, 5) == ["subscription.started"]

    def test_a_zero_amount_invoice_is_born_succeeded_and_never_changes(
        self, shop: Driver, receiver: Receiver
    ) -> None:
        shop.plan("free", 0)
        shop.subscribe("free")
        invoice = receiver.wait_for("invoice.created")[0].object
        assert (invoice["payment_status"], invoice["total_amount_cents"]) == ("succeeded", 0)
        assert sent(shop, 5) == ["subscription.started", "invoice.created"]

    def test_an_unknown_customer_is_made_in_silence(self, shop: Driver) -> None:
        shop.subscribe("starter", "other-erp", customer="other")
        assert "customer.created" not in sent(shop)
        assert shop.get("/customers/other")["customer"]["name"] is None

    def test_without_a_provider_the_invoice_waits(self, lago: Driver) -> None:
        lago.customer("cash", provider=False)
        lago.plan("starter")
        lago.subscribe("starter", customer="cash")
        assert sent(lago, 2) == ["subscription.started", "invoice.created"]
        assert [each["payment_status"] for each in lago.invoices()] == ["pending"]

    def test_an_id_in_use_by_another_customer_is_refused(self, shop: Driver) -> None:
        shop.subscribe("starter")
        given = {"external_customer_id": "other", "plan_code": "starter", "external_id": "acme-erp"}
        refused = shop.post("/subscriptions", {"subscription": given}, expect=422)
        assert refused["error_details"] == {"external_id": ["value_already_exist"]}
        shop.get("/customers/other", expect=404)

    def test_plan_overrides_are_premium(self, shop: Driver) -> None:
        given = {
            "external_customer_id": "acme",
            "plan_code": "starter",
            "external_id": "x",
            "plan_overrides": {},
        }
        refused = shop.post("/subscriptions", {"subscription": given}, expect=403)
        assert refused["code"] == "feature_unavailable"

    def test_a_start_in_the_past_is_told_but_not_billed(self, shop: Driver) -> None:
        made = shop.subscribe("starter", subscription_at="2026-02-01T00:00:00Z")
        assert made["started_at"] == "2026-02-01T00:00:00.000Z"
        assert sent(shop) == ["subscription.started"]

    def test_later_today_starts_now_as_given(self, shop: Driver) -> None:
        made = shop.subscribe("starter", subscription_at="2026-03-10T23:00:00Z")
        assert (made["status"], made["started_at"]) == ("active", "2026-03-10T23:00:00.000Z")


class TestUpgrade:
    def test_old_ends_and_new_starts_at_once(self, shop: Driver, receiver: Receiver) -> None:
        old = shop.subscribe("starter", name="acme")
        new = shop.subscribe("business")
        assert new["lago_id"] != old["lago_id"]
        assert sent(shop)[3:] == ["subscription.terminated", *PAID_START]
        ended = receiver.wait_for("subscription.terminated")[0].object
        started = receiver.wait_for("subscription.started", 2)
        begun = next(each.object for each in started if each.object["lago_id"] == new["lago_id"])
        assert (ended["lago_id"], ended["next_plan_code"]) == (old["lago_id"], "business")
        assert (begun["previous_plan_code"], begun["external_id"]) == ("starter", "acme-erp")
        assert begun["subscription_at"] == old["subscription_at"]
        assert statuses(shop) == [("business", "active"), ("starter", "terminated")]

    def test_its_invoice_names_both_generations_and_credits_the_unused_days(self, shop: Driver) -> None:
        shop.subscribe("starter")
        shop.subscribe("business")
        invoice = shop.get("/invoices/" + shop.invoices()[0]["lago_id"])["invoice"]
        reasons = [each["invoicing_reason"] for each in invoice["billing_periods"]]
        assert reasons == ["subscription_terminating", "subscription_starting"]
        assert [each["external_id"] for each in invoice["subscriptions"]] == ["acme-erp"] * 2
        assert (invoice["fees_amount_cents"], invoice["credit_notes_amount_cents"]) == (7026, 2058)
        assert invoice["total_amount_cents"] == 7026 - 2058

    def test_equal_yearly_value_counts_as_one(self, shop: Driver) -> None:
        shop.plan("twin", 2900)
        shop.subscribe("starter")
        assert shop.subscribe("twin")["plan_code"] == "twin"

    def test_overrides_and_names_die_with_it(self, shop: Driver) -> None:
        shop.post(
            "/features",
            {"feature": {"code": "sites", "privileges": [{"code": "max", "value_type": "integer"}]}},
        )
        for plan in ("starter", "business"):
            shop.post(f"/plans/{plan}/entitlements", {"entitlements": {"sites": {"max": 1}}})
        shop.subscribe("starter", name="acme")
        shop.patch("/subscriptions/acme-erp/entitlements", {"entitlements": {"sites": {"max": 9}}})
        changed = shop.subscribe("business")
        granted = changed["entitlements"][0]["privileges"][0]
        assert (granted["value"], granted["override_value"], changed["name"]) == (1, None, "")


class TestDowngrade:
    def test_the_answer_is_the_running_one_and_the_change_comes_at_the_period_end(
        self, shop: Driver, receiver: Receiver
    ) -> None:
        old = shop.subscribe("business")
        answered = shop.subscribe("starter")
        assert (answered["lago_id"], answered["next_plan_code"]) == (old["lago_id"], "starter")
        assert answered["downgrade_plan_date"] == "2026-04-01"
        assert sent(shop)[3:] == ["subscription.updated"]
        assert statuses(shop) == [("business", "active"), ("starter", "pending")]
        shop.advance(days=21)
        assert "subscription.terminated" not in sent(shop)
        shop.advance(days=1)
        assert sent(shop)[4:] == ["subscription.terminated", *PAID_START]
        assert statuses(shop) == [("business", "terminated"), ("starter", "active")]
        receiver.wait_for("subscription.started", 2)
        assert shop.invoices()[0]["total_amount_cents"] == 2900

    def test_yearly_to_monthly_is_judged_by_the_year(self, shop: Driver) -> None:
        shop.subscribe("starter")
        assert shop.subscribe("yearly")["next_plan_code"] == "yearly"

    def test_cancelling_it_is_told_as_terminated_with_status_canceled(
        self, shop: Driver, receiver: Receiver
    ) -> None:
        old = shop.subscribe("business")
        shop.subscribe("starter")
        answer = shop.delete("/subscriptions/acme-erp?status=pending")["subscription"]
        assert (answer["status"], answer["plan_code"]) == ("canceled", "starter")
        assert sent(shop)[4:] == ["subscription.terminated", "subscription.updated"]
        told = receiver.wait_for("subscription.terminated")[0].object
        assert (told["status"], told["external_id"]) == ("canceled", old["external_id"])
        assert receiver.wait_for("subscription.updated", 2)[-1].object["lago_id"] == old["lago_id"]
        assert statuses(shop) == [("business", "active"), ("starter", "canceled")]


class TestSilence:
    def test_a_future_start_and_its_edits_say_nothing(self, shop: Driver) -> None:
        made = shop.subscribe("starter", subscription_at="2026-03-20T15:00:00Z")
        assert made["status"] == "pending"
        shop.put(
            "/subscriptions/acme-erp",
            {"subscription": {"subscription_at": "2026-03-22T15:00:00Z"}, "status": "pending"},
        )
        shop.subscribe("business")
        assert statuses(shop) == [("business", "pending")]
        assert sent(shop) == []
        shop.advance(days=11)
        assert sent(shop) == []
        shop.advance(days=1)
        assert sent(shop) == PAID_START
        assert statuses(shop) == [("business", "active")]

    def test_a_further_change_calls_off_the_planned_one(self, shop: Driver) -> None:
        shop.subscribe("business")
        shop.subscribe("starter")
        before = len(sent(shop))
        shop.plan("gold", 19900)
        shop.subscribe("gold")
        assert sent(shop)[before + 1 :] == ["subscription.terminated", *PAID_START]
        assert statuses(shop) == [("business", "terminated"), ("gold", "active"), ("starter", "canceled")]

    def test_ending_the_live_one_calls_off_the_planned_one(self, shop: Driver) -> None:
        shop.subscribe("business")
        shop.subscribe("starter")
        before = len(sent(shop))
        shop.delete("/subscriptions/acme-erp")
        assert sent(shop)[before:] == ["subscription.terminated", "invoice.created"]
        assert statuses(shop) == [("business", "terminated"), ("starter", "canceled")]


class TestEnd:
    def test_terminate_sends_a_last_invoice(self, shop: Driver, receiver: Receiver) -> None:
        shop.subscribe("starter")
        shop.delete("/subscriptions/acme-erp")
        assert sent(shop)[3:] == ["subscription.terminated", "invoice.created"]
        assert receiver.wait_for("subscription.terminated")[0].object["next_plan_code"] is None
        shop.delete("/subscriptions/acme-erp", expect=404)

    def test_the_last_invoice_can_be_skipped(self, shop: Driver) -> None:
        shop.subscribe("starter")
        shop.call("DELETE", "/subscriptions/acme-erp", on_termination_invoice="skip")
        assert sent(shop)[3:] == ["subscription.terminated"]

    def test_arrears_are_billed_to_the_day(self, shop: Driver) -> None:
        shop.plan("late", 3100, pay_in_advance=False)
        shop.subscribe("late")
        shop.advance(days=4)
        shop.delete("/subscriptions/acme-erp")
        assert shop.invoices()[0]["total_amount_cents"] == 500

    def test_plan_deletion_leaves_first_and_ends_every_active_one(
        self, shop: Driver, receiver: Receiver
    ) -> None:
        shop.subscribe("starter", "one")
        shop.subscribe("starter", "two")
        shop.subscribe("starter", "later", subscription_at="2026-05-01T00:00:00Z")
        before = len(sent(shop))
        shop.delete("/plans/starter")
        wait_until(lambda: sent(shop).count("subscription.terminated") == 2, "both ended")
        after = sent(shop)[before:]
        assert after[0] == "plan.deleted"
        assert sorted(after[1:]) == ["invoice.created"] * 2 + ["subscription.terminated"] * 2
        deleted = receiver.wait_for("plan.deleted")[0].object
        assert deleted["pending_deletion"] is True
        assert "entitlements" not in deleted
        assert statuses(shop, "later") == [("starter", "canceled")]
        shop.get("/plans/starter", expect=404)

    def test_customer_deletion_has_no_event_of_its_own(self, shop: Driver) -> None:
        shop.subscribe("starter")
        before = len(sent(shop))
        shop.delete("/customers/acme")
        wait_until(lambda: len(sent(shop)) == before + 2, "the subscription ended")
        assert sent(shop)[before:] == ["subscription.terminated", "invoice.created"]

    def test_a_deleted_customer_is_found_in_invoices_but_not_in_subscriptions(self, shop: Driver) -> None:
        shop.subscribe("starter")
        shop.delete("/customers/acme")
        wait_until(lambda: statuses(shop) == [("starter", "terminated")], "ended")
        by_customer: dict[str, Any] = {"external_customer_id": "acme", "status[]": "terminated"}
        assert shop.get("/subscriptions", **by_customer)["subscriptions"] == []
        assert len(shop.get("/subscriptions", **{"status[]": "terminated"})["subscriptions"]) == 1
        assert len(shop.invoices(external_customer_id="acme")) == 2
