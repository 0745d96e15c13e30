"""lago-python-client, unchanged, over real HTTP."""

import base64
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from lago_python_client.exceptions import LagoApiError

from tests.billing_bridge.sandbox.driver import Driver, lago_models
from tests.billing_bridge.sandbox.receiver import Receiver

STARTER = {
    "code": "starter",
    "name": "Starter",
    "interval": "monthly",
    "amount_cents": 2900,
    "amount_currency": "EUR",
    "pay_in_advance": True,
}


def make_customer(external_id: str = "acme") -> Any:
    """Linked to a provider, so invoices are charged."""
    provider = lago_models.CustomerBillingConfiguration(
        payment_provider="stripe", payment_provider_code="stripe_test"
    )
    return lago_models.Customer(external_id=external_id, name="Acme", billing_configuration=provider)


class TestClient:
    def test_customer_plan_and_subscription_lead_to_webhooks(self, lago: Driver, receiver: Receiver) -> None:
        client = lago.running.client
        client.customers.create(make_customer())
        client.plans.create(lago_models.Plan(**STARTER))
        made = client.subscriptions.create(
            lago_models.Subscription(
                external_customer_id="acme", plan_code="starter", external_id="acme-erp", name="acme"
            )
        )
        assert made.status == "active"
        assert receiver.wait_for("subscription.started")[0].object["lago_id"] == made.lago_id
        receiver.wait_for_types(
            [
                "customer.created",
                "plan.created",
                "subscription.started",
                "invoice.created",
                "invoice.payment_status_updated",
            ]
        )

    def test_customers(self, lago: Driver) -> None:
        client = lago.running.client
        made = client.customers.create(make_customer())
        again = client.customers.create(lago_models.Customer(external_id="acme", email="owner@acme.example"))
        assert again.lago_id == made.lago_id
        assert (again.name, again.email) == ("Acme", "owner@acme.example")
        assert client.customers.find("acme").billing_configuration.payment_provider == "stripe"
        found = client.customers.find_all({"per_page": 1})
        assert [each.external_id for each in found["customers"]] == ["acme"]
        assert found["meta"]["total_count"] == 1
        client.customers.destroy("acme")
        with pytest.raises(LagoApiError) as refused:
            client.customers.find("acme")
        assert refused.value.status_code == 404
        assert refused.value.response["code"] == "customer_not_found"

    def test_plans(self, lago: Driver) -> None:
        client = lago.running.client
        client.plans.create(lago_models.Plan(**STARTER))
        client.plans.update(lago_models.Plan(amount_cents=3900, code="starter"), "starter")
        assert client.plans.find("starter").amount_cents == 3900
        assert client.plans.replace_metadata("starter", {"sites": "1"}) == {"sites": "1"}
        assert client.plans.merge_metadata("starter", {"users": "5"}) == {"sites": "1", "users": "5"}
        assert client.plans.delete_metadata_key("starter", "sites") == {"users": "5"}
        assert [each.code for each in client.plans.find_all()["plans"]] == ["starter"]
        assert client.plans.destroy("starter").code == "starter"

    def test_subscriptions(self, lago: Driver) -> None:
        client = lago.running.client
        client.customers.create(make_customer())
        client.plans.create(lago_models.Plan(**STARTER))
        given = lago_models.Subscription(
            external_customer_id="acme", plan_code="starter", external_id="acme-erp"
        )
        made = client.subscriptions.create(given)
        assert client.subscriptions.find("acme-erp").lago_id == made.lago_id
        client.subscriptions.update(lago_models.Subscription(name="Renamed"), "acme-erp")
        listed = client.subscriptions.find_all(
            {"status[]": ["active", "pending"], "external_customer_id": "acme"}
        )
        assert [each.name for each in listed["subscriptions"]] == ["Renamed"]
        assert client.subscriptions.destroy("acme-erp").status == "terminated"
        with pytest.raises(LagoApiError) as refused:
            client.subscriptions.find("acme-erp")
        assert refused.value.response["code"] == "subscription_not_found"
        assert client.subscriptions.find("acme-erp", {"status": "terminated"}).lago_id == made.lago_id

    def test_invoices(self, lago: Driver) -> None:
        lago.fail_charges()
        client = lago.running.client
        client.customers.create(make_customer())
        client.plans.create(lago_models.Plan(**STARTER))
        client.subscriptions.create(
            lago_models.Subscription(external_customer_id="acme", plan_code="starter", external_id="acme-erp")
        )
        listed = client.invoices.find_all({"payment_status": "failed", "external_customer_id": "acme"})[
            "invoices"
        ]
        invoice = client.invoices.find(listed[0].lago_id)
        assert invoice.fees.__root__[0].external_subscription_id == "acme-erp"
        client.invoices.retry_payment(invoice.lago_id)
        paid = client.invoices.update(lago_models.Invoice(payment_status="succeeded"), invoice.lago_id)
        assert (paid.payment_status, paid.total_due_amount_cents) == ("succeeded", 0)
        assert client.invoices.download(invoice.lago_id) is None
        assert client.invoices.download(invoice.lago_id).file_url.endswith(".pdf")

    def test_events(self, lago: Driver) -> None:
        client = lago.running.client
        event = lago_models.Event(
            transaction_id="t-1",
            external_subscription_id="nobody",
            code="users",
            timestamp=1_790_000_000,
            properties={"count": "3"},
        )
        assert client.events.create(event).transaction_id == "t-1"
        assert client.events.find("t-1").properties == {"count": "3"}
        with pytest.raises(LagoApiError) as refused:
            client.events.create(event)
        assert refused.value.response["error_details"] == {"transaction_id": ["value_already_exist"]}
        batch = [
            lago_models.Event(transaction_id=f"b-{n}", external_subscription_id="nobody", code="users")
            for n in range(3)
        ]
        client.events.batch_create(lago_models.BatchEvent(events=batch))
        with pytest.raises(LagoApiError) as refused:
            client.events.batch_create(
                lago_models.BatchEvent(events=[batch[0].copy(update={"transaction_id": "b-9"}), batch[1]])
            )
        assert refused.value.response["error_details"] == {"1": {"transaction_id": ["value_already_exist"]}}
        with pytest.raises(LagoApiError):
            client.events.find("b-9")

    def test_webhook_endpoints_and_public_key(self, lago: Driver) -> None:
        client = lago.running.client
        made = client.webhook_endpoints.create(
            lago_models.WebhookEndpoint(webhook_url="https://bridge.example/hook")
        )
        assert made.signature_algo == "jwt"
        updated = client.webhook_endpoints.update(
            lago_models.WebhookEndpoint(webhook_url="https://bridge.example/hook", signature_algo="hmac"),
            made.lago_id,
        )
        assert updated.signature_algo == "hmac"
        assert len(client.webhook_endpoints.find_all()["webhook_endpoints"]) == 2
        client.webhook_endpoints.destroy(made.lago_id)
        with pytest.raises(LagoApiError):
            client.webhook_endpoints.find(made.lago_id)
        pem = client.webhooks.public_key()
        assert load_pem_public_key(pem)
        old = lago.running.settings.api_key.get_secret_value()
        assert base64.b64decode(_plain_key(lago.running.url, old)) == pem


def _plain_key(url: str, key: str) -> str:
    answer = requests.get(
        f"{url}/api/v1/webhooks/public_key", headers={"Authorization": f"Bearer {key}"}, timeout=5
    )
    return answer.text
