"""The control plane's client against a real server."""

import pytest

from billing_bridge.errors import PressRefused, PressUnreachable
from billing_bridge.press_client import PressClient
from tests.billing_bridge.servers import PressServer

BODY = {"wanted": "run", "plan_code": "starter", "observed_at": "2026-11-23T10:00:00Z", "reason": None}


@pytest.fixture
def client(press_server: PressServer) -> PressClient:
    return PressClient(api_url=f"{press_server.url}/", token="t", timeout=2)


class TestPut:
    def test_it_answers_the_view(self, client: PressClient, press_server: PressServer) -> None:
        view = client.put_subscription("a/b ü", BODY, correlation_id="c-1")
        assert (view["external_id"], view["applied"]) == ("a/b ü", True)
        assert press_server.headers[-1]["X-Correlation-Id"] == "c-1"

    def test_a_passing_failure_is_retried(self, client: PressClient, press_server: PressServer) -> None:
        press_server.broken = 2
        assert client.put_subscription("acme", BODY, correlation_id="c")["applied"]
        assert len(press_server.puts) == 1

    def test_a_refusal_is_told_with_its_reason_and_not_retried(
        self, client: PressClient, press_server: PressServer
    ) -> None:
        press_server.refuse = (422, {"code": "plan_unknown", "detail": "There is no plan nope."})
        with pytest.raises(PressRefused, match=r"422 .* There is no plan nope") as caught:
            client.put_subscription("acme", BODY, correlation_id="c")
        assert caught.value.context == {"code": "plan_unknown"}
        assert len(press_server.requests) == 1

    @pytest.mark.parametrize("raw", [b"", b"<html>", b"[1]"])
    def test_an_answer_that_is_no_view_is_a_refusal(
        self, client: PressClient, press_server: PressServer, raw: bytes
    ) -> None:
        press_server.raw_answer = raw
        with pytest.raises(PressRefused):
            client.put_subscription("acme", BODY, correlation_id="c")

    @pytest.mark.parametrize("odd", ["", ".", ".."])
    def test_an_id_that_would_change_the_address_is_refused(self, client: PressClient, odd: str) -> None:
        with pytest.raises(PressRefused):
            client.put_subscription(odd, BODY, correlation_id="c")

    def test_silence_is_told(self, press_server: PressServer) -> None:
        press_server.delay = 1.0
        client = PressClient(api_url=press_server.url, token="t", timeout=0.1, attempts=1)
        with pytest.raises(PressUnreachable, match="did not answer"):
            client.put_subscription("acme", BODY, correlation_id="c")


class TestList:
    def test_every_page_is_read(self, client: PressClient, press_server: PressServer) -> None:
        press_server.per_page = 2
        for number in range(5):
            client.put_subscription(f"s{number}", BODY, correlation_id="c")
        listed = list(client.list_subscriptions(correlation_id="c"))
        assert [view["external_id"] for view in listed] == [f"s{number}" for number in range(5)]

    def test_a_failure_on_the_way_raises(self, client: PressClient, press_server: PressServer) -> None:
        press_server.per_page = 1
        for number in range(3):
            client.put_subscription(f"s{number}", BODY, correlation_id="c")
        listing = client.list_subscriptions(correlation_id="c")
        next(listing)
        press_server.always_broken = True
        with pytest.raises(PressUnreachable):
            list(listing)

    def test_a_listing_without_items_is_refused(self, client: PressClient, press_server: PressServer) -> None:
        press_server.raw_answer = b"{}"
        with pytest.raises(PressRefused):
            list(client.list_subscriptions(correlation_id="c"))


class TestCheck:
    def test_it_does_not_retry_and_tells_a_wrong_token(
        self, client: PressClient, press_server: PressServer
    ) -> None:
        client.check(timeout=2)
        press_server.broken = 1
        with pytest.raises(PressUnreachable):
            client.check(timeout=2)
        press_server.refuse = (401, {"code": "unauthorized", "detail": "Wrong token."})
        with pytest.raises(PressRefused, match="401"):
            client.check(timeout=2)
        assert len(press_server.requests) == 3
