"""Customers, their provider, and plans' own refusals."""

from typing import Any

import pytest

from tests.billing_bridge.sandbox.driver import Driver
from tests.billing_bridge.sandbox.receiver import Receiver


class TestUpsert:
    def test_what_is_not_given_stays(self, lago: Driver, receiver: Receiver) -> None:
        first = lago.customer(metadata=[{"key": "vat", "value": "FR1", "display_in_invoice": True}])
        again = lago.post("/customers", {"customer": {"external_id": "acme", "city": "Lyon"}})["customer"]
        assert again["lago_id"] == first["lago_id"]
        assert (again["city"], again["name"], again["metadata"][0]["value"]) == ("Lyon", "Acme", "FR1")
        assert lago.sent_types() == ["customer.created", "customer.updated"]
        assert receiver.wait_for("customer.updated")[0].object["metadata"] == again["metadata"]

    def test_a_synchronised_provider_makes_its_customer_and_a_checkout_page(
        self, lago: Driver, receiver: Receiver
    ) -> None:
        provider = {
            "payment_provider": "stripe",
            "payment_provider_code": "stripe_eu",
            "sync_with_provider": True,
        }
        made = lago.customer(billing_configuration=provider)
        assert made["billing_configuration"]["provider_customer_id"].startswith("cus_")
        receiver.wait_for_types(
            ["customer.created", "customer.payment_provider_created", "customer.checkout_url_generated"]
        )
        told = receiver.wait_for("customer.checkout_url_generated")[0].object
        answered = lago.post("/customers/acme/checkout_url")["customer"]
        assert told["checkout_url"] == answered["checkout_url"]
        lago.customer(billing_configuration=provider)
        assert lago.sent_types()[-1] == "customer.updated"

    def test_a_provider_error_can_be_sent(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        lago.post(
            "/sandbox/customers/acme/provider_error", {"provider_error": {"message": "no", "error_code": "x"}}
        )
        told = receiver.wait_for("customer.payment_provider_error")[0].object
        assert (told["payment_provider"], told["provider_error"]["message"]) == ("stripe", "no")

    def test_without_a_provider_there_is_no_checkout(self, lago: Driver) -> None:
        lago.customer("cash", provider=False)
        refused = lago.post("/customers/cash/checkout_url", expect=422)
        assert refused["error_details"] == {"base": ["no_linked_payment_provider"]}

    @pytest.mark.parametrize(
        ("given", "details"),
        [
            ({"name": "x"}, {"external_id": ["value_is_mandatory"]}),
            ({"external_id": "a", "metadata": [{"key": "k"}] * 6}, {"metadata": ["invalid_count"]}),
            (
                {"external_id": "a", "metadata": [{"key": "k" * 21}]},
                {"metadata": ["invalid_key_value_length"]},
            ),
            (
                {"external_id": "a", "billing_configuration": {"payment_provider": "purse"}},
                {"payment_provider": ["value_is_invalid"]},
            ),
        ],
    )
    def test_refusals(self, lago: Driver, given: dict[str, Any], details: dict[str, Any]) -> None:
        assert lago.post("/customers", {"customer": given}, expect=422)["error_details"] == details
        assert lago.sent_types() == []

    def test_a_dot_ends_the_id_in_a_path_but_not_in_the_list(self, lago: Driver) -> None:
        lago.customer("acme")
        lago.customer("acme.io")
        assert lago.get("/customers/acme.io")["customer"]["external_id"] == "acme"
        assert lago.get("/customers/a.b.c", expect=404)["code"] == "resource_not_found"
        listed = lago.get("/customers", external_id="acme.io")["customers"]
        assert [each["external_id"] for each in listed] == ["acme.io"]


class TestPlans:
    @pytest.mark.parametrize(
        ("given", "details"),
        [
            ({"name": None}, {"name": ["value_is_mandatory"]}),
            ({"interval": "daily"}, {"interval": ["value_is_invalid"]}),
            ({"amount_cents": -1}, {"amount_cents": ["value_is_out_of_range"]}),
            ({"amount_cents": 29.0}, {"amount_cents": ["value_is_out_of_range"]}),
            ({"amount_currency": "euro"}, {"amount_currency": ["value_is_invalid"]}),
            ({"code": "taken"}, {"code": ["value_already_exist"]}),
        ],
    )
    def test_refusals(self, lago: Driver, given: dict[str, Any], details: dict[str, Any]) -> None:
        lago.plan("taken")
        base = {
            "code": "new",
            "name": "New",
            "interval": "monthly",
            "amount_cents": 1,
            "amount_currency": "EUR",
        }
        assert lago.post("/plans", {"plan": base | given}, expect=422)["error_details"] == details

    def test_metadata_travels_in_subscription_events(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        lago.plan("starter", metadata={"sites": "1"})
        lago.subscribe("starter")
        assert receiver.wait_for("subscription.started")[0].object["plan"]["metadata"] == {"sites": "1"}
        lago.delete("/plans/starter/metadata")
        assert lago.get("/subscriptions/acme-erp")["subscription"]["plan"].get("metadata") is None


class TestHome:
    def test_is_kept_and_given_back(self, lago: Driver) -> None:
        documents = {"document_locale": "fr"}
        lago.customer(country="FR", currency="EUR", timezone="Europe/Paris", billing_configuration=documents)
        found = lago.get("/customers/acme")["customer"]
        assert (found["country"], found["currency"], found["timezone"]) == ("FR", "EUR", "Europe/Paris")
        assert found["applicable_timezone"] == "Europe/Paris"
        assert found["billing_configuration"]["document_locale"] == "fr"

    def test_without_a_word_there_is_none_but_the_applicable_zone(self, lago: Driver) -> None:
        found = lago.customer()
        assert (found["timezone"], found["applicable_timezone"]) == (None, "UTC")

    @pytest.mark.parametrize(
        ("field", "value"), [("country", "France"), ("currency", "euro"), ("timezone", "Mars/Base")]
    )
    def test_what_is_no_code_is_refused(self, lago: Driver, field: str, value: str) -> None:
        body = {"customer": {"external_id": "acme", field: value}}
        refused = lago.post("/customers", body, expect=422)
        assert refused["error_details"][field] == ["value_is_invalid"]
