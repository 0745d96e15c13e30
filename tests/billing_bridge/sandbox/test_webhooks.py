"""Envelope, signatures, retries, endpoints, and webhooks that are lost, doubled, reordered or late."""

import base64
import hashlib
import hmac
import json

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import RSAKey

from billing_bridge.sandbox.webhooks.payloads import SENT_TYPES
from billing_bridge.sandbox.webhooks.registry import WEBHOOK_TYPES
from tests.billing_bridge.sandbox.conftest import MakeSettings
from tests.billing_bridge.sandbox.driver import Driver, Running, RunningTime
from tests.billing_bridge.sandbox.receiver import Received, Receiver, wait_until


def endpoint(lago: Driver, url: str, **fields: object) -> str:
    made = lago.post("/webhook_endpoints", {"webhook_endpoint": {"webhook_url": url} | fields})
    return str(made["webhook_endpoint"]["lago_id"])


def delivery(lago: Driver, webhook_type: str = "customer.created") -> dict[str, object]:
    return lago.deliveries(webhook_type=webhook_type)[0]


def settled(lago: Driver, status: str, webhook_type: str = "customer.created") -> dict[str, object]:
    wait_until(lambda: delivery(lago, webhook_type)["status"] == status, status)
    return delivery(lago, webhook_type)


class TestEnvelope:
    def test_four_keys_and_no_id(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        body = receiver.wait_for("customer.created")[0].body
        assert list(body) == ["webhook_type", "object_type", "organization_id", "customer"]
        assert body["organization_id"] == lago.running.settings.organization_id

    def test_only_started_and_updated_carry_entitlements(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        lago.plan("starter")
        lago.subscribe("starter")
        lago.delete("/subscriptions/acme-erp")
        assert receiver.wait_for("subscription.started")[0].object["entitlements"] == []
        assert "entitlements" not in receiver.wait_for("subscription.terminated")[0].object

    def test_every_type_that_is_sent_exists(self) -> None:
        assert set(SENT_TYPES) <= WEBHOOK_TYPES

    def test_the_body_shows_the_later_state_when_it_leaves_late(
        self, lago: Driver, receiver: Receiver
    ) -> None:
        lago.post("/sandbox/chaos", {"delay_ms": 400})
        lago.customer(name="Old")
        lago.customer(name="New")
        assert receiver.wait_for("customer.created")[0].object["name"] == "New"


class TestSignature:
    def test_hmac_over_the_raw_bytes_with_rails_escapes(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer(name="<Müller> & Söhne\u2028")
        webhook = receiver.wait_for("customer.created")[0]
        key = lago.running.settings.hmac_key.get_secret_value().encode()
        expected = base64.b64encode(hmac.new(key, webhook.raw, hashlib.sha256).digest()).decode()
        assert webhook.headers["x-lago-signature"] == expected
        assert webhook.headers["x-lago-signature-algorithm"] == "hmac"
        assert b"\\u003cM\xc3\xbcller\\u003e \\u0026 S\xc3\xb6hne\\u2028" in webhook.raw
        assert webhook.object["name"] == "<Müller> & Söhne\u2028"

    def test_jwt_carries_the_body_and_the_issuer_and_nothing_else(
        self, running: Running, receiver: Receiver
    ) -> None:
        lago = Driver(running)
        endpoint(lago, receiver.url)
        lago.customer()
        webhook = receiver.wait_for("customer.created")[0]
        pem = base64.b64decode(lago.get("/webhooks/json_public_key")["webhook"]["public_key"])
        token = webhook.headers["x-lago-signature"]
        decoded = jwt.decode(token, RSAKey.import_key(pem), algorithms=["RS256"])
        assert decoded.claims == {"data": webhook.raw.decode(), "iss": "https://lago.example"}
        assert webhook.headers["x-lago-signature-algorithm"] == "jwt"
        with pytest.raises(BadSignatureError):
            jwt.decode(token, RSAKey.generate_key(2048), algorithms=["RS256"])


class TestRetries:
    def test_three_attempts_with_one_key_and_one_body(self, lago: Driver, receiver: Receiver) -> None:
        receiver.answers = [500, 503, 200]
        lago.customer()
        tries = receiver.wait_for("customer.created", 3)
        assert len({each.key for each in tries}) == 1
        assert len({each.raw for each in tries}) == 1
        assert tries[1].at - tries[0].at >= 0.03
        assert 0.18 <= tries[2].at - tries[1].at < 2
        found = settled(lago, "succeeded")
        assert [each["http_status"] for each in found["attempts"]] == [500, 503, 200]  # type: ignore[attr-defined]

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_success(self, lago: Driver, receiver: Receiver, status: int) -> None:
        receiver.answers = [status]
        lago.customer()
        settled(lago, "succeeded")
        assert len(receiver.received) == 1

    @pytest.mark.parametrize("status", [203, 302, 404])
    def test_anything_else_is_given_up_after_three(
        self, lago: Driver, receiver: Receiver, status: int
    ) -> None:
        receiver.answers = [status] * 9
        lago.customer()
        settled(lago, "failed")
        assert len(receiver.received) == 3
        receiver.answers = []
        lago.post(f"/sandbox/deliveries/{delivery(lago)['id']}/retry")
        settled(lago, "succeeded")
        assert len({each.key for each in receiver.received}) == 1
        lago.post(f"/sandbox/deliveries/{delivery(lago)['id']}/retry", expect=405)

    def test_a_refused_connection_is_a_failed_attempt(self, running: Running) -> None:
        lago = Driver(running)
        endpoint(lago, "http://127.0.0.1:1/nobody")
        lago.customer()
        found = settled(lago, "failed")
        assert "ConnectionError" in str(found["attempts"])

    def test_a_retry_after_a_rotation_is_signed_anew(
        self, make_settings: MakeSettings, receiver: Receiver
    ) -> None:
        with Running(make_settings(webhook_wait_scale=0.3), RunningTime()) as running:
            lago = Driver(running)
            key = endpoint(lago, receiver.url, signature_algo="hmac")
            receiver.answers = [500]
            lago.customer()
            receiver.wait_for("customer.created")
            lago.put(f"/webhook_endpoints/{key}", {"webhook_endpoint": {"signature_algo": "jwt"}})
            tries = receiver.wait_for("customer.created", 2)
        assert [each.headers["x-lago-signature-algorithm"] for each in tries] == ["hmac", "jwt"]


class TestEndpoints:
    def test_each_has_its_own_key_and_its_own_types(self, lago: Driver, receiver: Receiver) -> None:
        with Receiver() as second, Receiver() as third:
            endpoint(lago, second.url, event_types=["*"])
            endpoint(lago, third.url, event_types=["plan.created"], name="plans")
            lago.customer()
            lago.plan("starter")
            ours, theirs = receiver.wait_for("plan.created"), second.wait_for("plan.created")
            assert ours[0].key != theirs[0].key
            third.wait_for("plan.created")
            wait_until(lambda: all(each["status"] == "succeeded" for each in lago.deliveries()), "all sent")
            assert third.types() == ["plan.created"]

    def test_nothing_is_kept_for_an_endpoint_that_did_not_exist(
        self, running: Running, receiver: Receiver
    ) -> None:
        lago = Driver(running)
        lago.customer()
        endpoint(lago, receiver.url)
        lago.plan("starter")
        receiver.wait_for_types(["plan.created"])

    def test_deleting_one_deletes_its_webhooks(self, lago: Driver) -> None:
        lago.customer()
        settled(lago, "succeeded")
        key = lago.get("/webhook_endpoints")["webhook_endpoints"][0]["lago_id"]
        lago.delete(f"/webhook_endpoints/{key}")
        assert lago.deliveries() == []

    def test_refusals(self, lago: Driver, receiver: Receiver) -> None:
        for given, details in (
            ({"webhook_url": "nonsense"}, {"webhook_url": ["url_invalid"]}),
            ({"webhook_url": receiver.url}, {"webhook_url": ["value_already_exist"]}),
            (
                {"webhook_url": "http://a.example", "signature_algo": "md5"},
                {"signature_algo": ["value_is_invalid"]},
            ),
            (
                {"webhook_url": "http://a.example", "event_types": ["invoice.paid"]},
                {"event_types": ["invalid_types"]},
            ),
            ({"name": "no address"}, {"webhook_url": ["url_invalid"]}),
        ):
            refused = lago.post("/webhook_endpoints", {"webhook_endpoint": given}, expect=422)
            assert refused["error_details"] == details
        for number in range(9):
            endpoint(lago, f"http://127.0.0.1:1/{number}")
        given = {"webhook_url": "http://127.0.0.1:1/10"}
        refused = lago.post("/webhook_endpoints", {"webhook_endpoint": given}, expect=422)
        assert refused["error_details"] == {"base": ["exceeded_limit"]}


class TestChaos:
    def test_the_next_ones_are_lost(self, lago: Driver, receiver: Receiver) -> None:
        lago.post("/sandbox/chaos", {"drop_next": 1})
        lago.customer()
        lago.plan("starter")
        receiver.wait_for_types(["plan.created"])
        assert delivery(lago)["status"] == "dropped"
        assert lago.get("/sandbox/chaos")["drop_next"] == 0
        lago.post(f"/sandbox/deliveries/{delivery(lago)['id']}/retry")
        receiver.wait_for("customer.created")

    def test_each_is_sent_twice_with_the_same_key(self, lago: Driver, receiver: Receiver) -> None:
        lago.post("/sandbox/chaos", {"duplicate": True})
        lago.customer()
        first, second = receiver.wait_for("customer.created", 2)
        assert (first.key, first.raw) == (second.key, second.raw)

    def test_an_event_can_be_emitted_twice_with_two_keys(self, lago: Driver, receiver: Receiver) -> None:
        lago.post("/sandbox/chaos", {"emit_twice": True})
        lago.customer()
        first, second = receiver.wait_for("customer.created", 2)
        assert first.key != second.key

    def test_the_last_comes_first(self, lago: Driver, receiver: Receiver) -> None:
        lago.customer()
        lago.plan("starter")
        receiver.wait_for("plan.created")
        lago.post("/sandbox/chaos", {"reverse": True})
        lago.subscribe("starter")
        receiver.wait_for("subscription.started")
        assert receiver.types()[2:] == [
            "invoice.payment_status_updated",
            "invoice.created",
            "subscription.started",
        ]

    def test_they_come_late(self, lago: Driver, receiver: Receiver) -> None:
        lago.post("/sandbox/chaos", {"delay_ms": 300})
        lago.customer()
        made = json.loads(json.dumps(delivery(lago)))
        assert made["attempts"] == []
        received: Received = receiver.wait_for("customer.created")[0]
        assert received.type == "customer.created"

    def test_unknown_words_are_refused(self, lago: Driver) -> None:
        assert lago.post("/sandbox/chaos", {"loose": 1}, expect=422)["error_details"] == {
            "loose": ["unknown"]
        }
