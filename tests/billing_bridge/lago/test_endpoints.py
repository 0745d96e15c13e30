"""Webhook endpoints and the public key, over the real client and the fake."""

import pytest

from billing_bridge.errors import LagoUnreadable
from billing_bridge.handlers.table import EVENT_TYPES
from billing_bridge.lago.endpoints import EndpointAdmin
from billing_bridge.lago.fake import FakeLago
from billing_bridge.lago.port import LagoAdmin
from billing_bridge.lago.registration import Registered, ensure_endpoint
from tests.billing_bridge.servers import LagoServer


class TestWebhookEndpoint:
    @pytest.fixture(params=["real", "fake"])
    def lago(self, request: pytest.FixtureRequest, lago_server: LagoServer) -> LagoAdmin:
        if request.param == "fake":
            return FakeLago()
        return EndpointAdmin(api_url=f"{lago_server.url}/", api_key="key")

    def test_it_is_created_then_left_alone_then_corrected(self, lago: LagoAdmin) -> None:
        url = "https://bridge.example/webhooks/lago"
        made, endpoint = ensure_endpoint(lago, url=url, event_types=EVENT_TYPES)
        again, _ = ensure_endpoint(lago, url=url, event_types=EVENT_TYPES)
        fewer, corrected = ensure_endpoint(lago, url=url, event_types=("subscription.started",))
        assert (made, again, fewer) == (Registered.CREATED, Registered.UNCHANGED, Registered.CORRECTED)
        assert (endpoint.url, endpoint.signature_algo, endpoint.event_types) == (url, "hmac", EVENT_TYPES)
        assert corrected.event_types == ("subscription.started",)
        assert len(lago.list_webhook_endpoints()) == 1


class TestTrouble:
    def test_the_public_key_comes_as_pem(self, lago_server: LagoServer) -> None:
        lago_server.public_pem = b"-----BEGIN PUBLIC KEY-----"
        admin = EndpointAdmin(api_url=lago_server.url, api_key="key")
        assert admin.get_public_key() == b"-----BEGIN PUBLIC KEY-----"
        assert lago_server.headers[-1]["Authorization"] == "Bearer key"

    def test_a_broken_lago_is_unreadable(self, lago_server: LagoServer) -> None:
        lago_server.always_broken = True
        with pytest.raises(LagoUnreadable):
            EndpointAdmin(api_url=lago_server.url, api_key="key").get_public_key()

    def test_a_silent_lago_is_unreadable(self) -> None:
        with pytest.raises(LagoUnreadable, match="did not answer"):
            EndpointAdmin(api_url="http://127.0.0.1:1", api_key="key").list_webhook_endpoints()
