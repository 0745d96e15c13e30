"""Payments, refusals, overdue, voids, lists."""

import pytest
import requests

from tests.billing_bridge.sandbox.driver import Driver
from tests.billing_bridge.sandbox.receiver import Receiver, wait_until


@pytest.fixture
def shop(lago: Driver) -> Driver:
    lago.customer()
    lago.plan("starter", 2900)
    return lago


def sent(lago: Driver, setup: int = 4) -> list[str]:
    """Types after those of customer, plan, start and first invoice."""
    return lago.sent_types()[setup:]


def first_invoice(lago: Driver) -> str:
    return str(lago.invoices()[-1]["lago_id"])


class TestPayment:
    def test_a_synchronous_refusal_sends_payment_failure_only(self, shop: Driver, receiver: Receiver) -> None:
        shop.fail_charges()
        shop.subscribe("starter")
        assert sent(shop) == ["invoice.payment_failure"]
        told = receiver.wait_for("invoice.payment_failure")[0].object
        assert told["provider_error"]["error_code"] == "card_declined"
        assert "fees" not in told
        assert shop.invoices()[0]["payment_status"] == "failed"

    def test_a_late_refusal_sends_the_status_only(self, shop: Driver, receiver: Receiver) -> None:
        shop.post("/sandbox/auto_pay", {"outcome": "failed", "delay_seconds": 60})
        shop.subscribe("starter")
        assert sent(shop) == []
        shop.advance(seconds=60)
        assert sent(shop) == ["invoice.payment_status_updated"]
        told = receiver.wait_for("invoice.payment_status_updated")[0].object
        assert told["payment_status"] == "failed"
        assert told["fees"][0]["external_subscription_id"] == "acme-erp"
        assert not {"subscriptions", "billing_periods"} & told.keys()

    def test_only_a_late_success_sends_payment_succeeded(self, shop: Driver, receiver: Receiver) -> None:
        shop.post("/sandbox/auto_pay", {"outcome": "succeeded", "delay_seconds": 60})
        shop.subscribe("starter")
        shop.advance(seconds=60)
        assert sent(shop) == ["invoice.payment_status_updated", "payment.succeeded"]
        payment = receiver.wait_for("payment.succeeded")[0].object
        assert (payment["amount_cents"], payment["invoice_ids"]) == (2058, [first_invoice(shop)])
        assert shop.get(f"/payments/{payment['lago_id']}")["payment"]["payment_status"] == "succeeded"
        assert shop.get("/payments", external_customer_id="acme")["meta"]["total_count"] == 1

    def test_paying_by_hand_announces_a_real_change_only(self, shop: Driver) -> None:
        shop.fail_charges()
        shop.subscribe("starter")
        path = f"/invoices/{first_invoice(shop)}"
        shop.put(path, {"invoice": {"payment_status": "succeeded"}})
        shop.put(path, {"invoice": {"payment_status": "succeeded"}})
        assert sent(shop) == ["invoice.payment_failure", "invoice.payment_status_updated"]

    def test_a_retry_charges_again(self, shop: Driver) -> None:
        shop.fail_charges()
        shop.subscribe("starter")
        shop.post("/sandbox/auto_pay", {"outcome": "succeeded"})
        path = f"/invoices/{first_invoice(shop)}/retry_payment"
        assert shop.post(path) is None
        assert sent(shop) == ["invoice.payment_failure", "invoice.payment_status_updated"]
        assert shop.post(path, expect=405)["code"] == "invalid_status"

    def test_no_second_charge_while_one_is_under_way(self, shop: Driver) -> None:
        shop.post("/sandbox/auto_pay", {"outcome": "pending"})
        shop.subscribe("starter")
        refused = shop.post(f"/invoices/{first_invoice(shop)}/retry_payment", expect=405)
        assert refused["code"] == "payment_processor_is_currently_handling_payment"

    def test_a_retry_without_a_provider_fails_with_empty_provider_fields(
        self, shop: Driver, receiver: Receiver
    ) -> None:
        shop.customer("cash", provider=False)
        shop.subscribe("starter", "cash-erp", customer="cash")
        shop.post(f"/invoices/{first_invoice(shop)}/retry_payment")
        told = receiver.wait_for("invoice.payment_failure")[0].object
        assert (told["payment_provider"], told["provider_error"]) == (None, None)
        assert told["error_details"] == {"code": "customer_must_have_payment_provider"}

    @pytest.mark.parametrize(
        ("status", "how", "types"),
        [
            ("failed", "synchronous", ["invoice.payment_failure"]),
            ("failed", "asynchronous", ["invoice.payment_status_updated"]),
            ("succeeded", "synchronous", ["invoice.payment_status_updated"]),
            ("succeeded", "asynchronous", ["invoice.payment_status_updated", "payment.succeeded"]),
        ],
    )
    def test_the_trial_path_tells_what_lago_would(
        self, shop: Driver, status: str, how: str, types: list[str]
    ) -> None:
        shop.post("/sandbox/auto_pay", {"outcome": "pending"})
        shop.subscribe("starter")
        shop.post(f"/sandbox/invoices/{first_invoice(shop)}/payment", {"status": status, "how": how})
        assert sent(shop) == types
        assert shop.invoices()[0]["payment_status"] == status

    def test_manual_payments_are_premium(self, shop: Driver) -> None:
        assert (
            shop.post("/payments", {"payment": {"invoice_id": "x"}}, expect=403)["code"]
            == "feature_unavailable"
        )


class TestOverdue:
    def test_the_day_after_the_due_date_once(self, shop: Driver, receiver: Receiver) -> None:
        shop.fail_charges()
        shop.customer(net_payment_term=3)
        shop.subscribe("starter")
        shop.advance(days=3)
        assert shop.get("/invoices", payment_overdue="true")["invoices"] == []
        shop.advance(days=1)
        shop.advance(days=1)
        told = receiver.wait_for("invoice.payment_overdue")
        assert [each.object["payment_overdue"] for each in told] == [True]
        assert told[0].object["fees"][0]["external_subscription_id"] == "acme-erp"
        assert len(shop.invoices(payment_overdue="true")) == 1
        shop.put(f"/invoices/{first_invoice(shop)}", {"invoice": {"payment_status": "succeeded"}})
        assert shop.invoices(payment_overdue="true") == []


class TestVoid:
    def test_it_keeps_its_payment_status(self, shop: Driver, receiver: Receiver) -> None:
        shop.fail_charges()
        shop.subscribe("starter")
        shop.advance(days=2)
        path = f"/invoices/{first_invoice(shop)}"
        voided = shop.post(f"{path}/void")["invoice"]
        assert (voided["status"], voided["payment_status"], voided["payment_overdue"]) == (
            "voided",
            "failed",
            False,
        )
        assert receiver.wait_for("invoice.voided")[0].object["subscriptions"]
        assert len(shop.invoices(payment_status="failed")) == 1
        assert shop.invoices(payment_status="failed", status="finalized") == []
        refused = shop.put(path, {"invoice": {"payment_status": "succeeded"}}, expect=405)
        assert refused["code"] == "update_on_voided_invoice"
        assert shop.post(f"{path}/void", expect=405)["code"] == "not_voidable"


class TestList:
    def test_it_carries_no_fees_but_one_invoice_does(self, shop: Driver) -> None:
        shop.subscribe("starter")
        listed = shop.invoices()[0]
        assert not {"fees", "subscriptions", "billing_periods"} & listed.keys()
        assert listed["customer"]["external_id"] == "acme"
        single = shop.get(f"/invoices/{listed['lago_id']}")["invoice"]
        assert single["fees"][0]["amount_cents"] == 2058
        assert single["subscriptions"][0]["external_id"] == "acme-erp"

    def test_its_count_is_kept_while_it_exceeds_the_page(self, shop: Driver) -> None:
        for number in range(3):
            shop.subscribe("starter", f"erp-{number}")
        assert shop.get("/invoices", per_page=1)["meta"]["total_count"] == 3
        shop.subscribe("starter", "erp-3")
        assert shop.get("/invoices", per_page=1)["meta"]["total_count"] == 3
        assert shop.get("/invoices", per_page=1, page=3)["meta"]["total_count"] == 4
        shop.subscribe("starter", "erp-4")
        assert shop.get("/invoices", per_page=1)["meta"]["total_count"] == 4
        shop.advance(seconds=1801)
        assert shop.get("/invoices", per_page=1)["meta"]["total_count"] == 5

    def test_filters(self, shop: Driver) -> None:
        shop.subscribe("starter")
        for params in (
            {"external_customer_id": "acme"},
            {"status": "finalized"},
            {"statuses[]": ["finalized", "voided"]},
            {"payment_statuses[]": "succeeded"},
            {"invoice_type": "subscription", "currency": "EUR"},
            {"issuing_date_from": "2026-03-10", "issuing_date_to": "2026-03-10"},
            {"search_term": "SBX-0001"},
        ):
            assert len(shop.get("/invoices", **params)["invoices"]) == 1
        for params in (
            {"external_customer_id": "x"},
            {"status": "voided"},
            {"payment_status": "failed"},
            {"issuing_date_from": "2026-03-11"},
            {"payment_overdue": "true"},
        ):
            assert shop.get("/invoices", **params)["invoices"] == []


class TestDocument:
    def test_the_file_comes_with_the_second_call(self, shop: Driver, receiver: Receiver) -> None:
        shop.subscribe("starter")
        path = f"/invoices/{first_invoice(shop)}/download"
        assert shop.post(path) is None
        told = receiver.wait_for("invoice.generated")[0].object
        assert "fees" not in told
        url = shop.post(path)["invoice"]["file_url"]
        assert url.startswith("https://lago.example/sandbox/files/")
        answer = requests.get(url.replace("https://lago.example", shop.running.url), timeout=5)
        assert answer.content.startswith(b"%PDF-1.4")
        assert b"SBX-0001-001" in answer.content


class TestOneOff:
    def test_it_belongs_to_no_subscription(self, shop: Driver, receiver: Receiver) -> None:
        given = {
            "external_customer_id": "acme",
            "currency": "EUR",
            "fees": [{"add_on_code": "setup", "unit_amount_cents": 5000, "units": 2}],
        }
        invoice = shop.post("/invoices", {"invoice": given})["invoice"]
        assert (invoice["invoice_type"], invoice["total_amount_cents"]) == ("one_off", 10000)
        assert invoice["fees"][0]["external_subscription_id"] is None
        told = receiver.wait_for("invoice.one_off_created")[0].object
        assert "subscriptions" not in told
        wait_until(lambda: shop.invoices()[0]["payment_status"] == "succeeded", "charged")
