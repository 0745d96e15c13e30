"""The real Lago client against a real server that behaves as Lago does."""

from collections.abc import Callable

import pytest

from billing_bridge.errors import LagoRefused, LagoUnreadable
from billing_bridge.lago.fake import FakeLago
from billing_bridge.lago.http import LagoHttp
from billing_bridge.lago.port import Lago
from billing_bridge.policy import Customer, Entitlements
from tests.billing_bridge.builders import (
    make_customer,
    make_debt,
    make_features,
    make_generation,
    make_invoice,
    make_plan,
    make_subscription,
)
from tests.billing_bridge.servers import LagoServer, serving

LIMITS = Entitlements(sites=1, users=5, apps=("base",), storage_gb=5)


def make_client(server: LagoServer, **overrides: float) -> LagoHttp:
    return LagoHttp(api_url=server.url, api_key="key", **{"timeout": 2.0} | overrides)  # type: ignore[arg-type]


@pytest.fixture
def client(lago_server: LagoServer) -> LagoHttp:
    return make_client(lago_server)


class TestListing:
    def test_all_five_statuses_are_asked_for_by_name(self, client: LagoHttp, lago_server: LagoServer) -> None:
        statuses = ["active", "pending", "incomplete", "terminated", "canceled"]
        lago_server.subscriptions += [make_subscription(lago_id=s, status=s) for s in statuses]
        assert {g.status for g in client.list_subscriptions(external_id="acme")} == set(statuses)

    @pytest.mark.parametrize("trailing_empty_page", [False, True])
    def test_every_page_is_followed(
        self, client: LagoHttp, lago_server: LagoServer, trailing_empty_page: bool
    ) -> None:
        lago_server.per_page = 3
        lago_server.trailing_empty_page = trailing_empty_page
        lago_server.subscriptions += [make_subscription(f"s{n}") for n in range(10)]
        assert {g.external_id for g in client.list_subscriptions()} == {f"s{n}" for n in range(10)}

    def test_a_listing_that_is_shorter_than_its_count_is_not_believed(
        self, client: LagoHttp, lago_server: LagoServer
    ) -> None:
        lago_server.subscriptions += [make_subscription("a"), make_subscription("a")]
        with pytest.raises(LagoUnreadable, match="counted 2 subscriptions but listed 1"):
            client.list_subscriptions()

    def test_a_filter_that_lago_ignores_is_applied_here(self, lago_server: LagoServer) -> None:
        class OldLago(LagoServer):
            def _subscriptions(self, parts: list[str], query: dict[str, list[str]]) -> tuple[int, object]:
                return super()._subscriptions(parts, {k: v for k, v in query.items() if k != "external_id"})

        server = OldLago(subscriptions=[make_subscription("acme"), make_subscription("other")])
        with serving(server):
            assert [g.external_id for g in make_client(server).list_subscriptions(external_id="acme")] == [
                "acme"
            ]

    def test_unpaid_invoices_are_finalized_and_name_their_subscriptions(
        self, client: LagoHttp, lago_server: LagoServer
    ) -> None:
        lago_server.invoices += [
            make_invoice("failed"),
            make_invoice("voided", status="voided"),
            make_invoice("draft", status="draft"),
            make_invoice("paid", payment_status="succeeded"),
            make_invoice("overdue", payment_status="pending", payment_overdue=True),
            make_invoice("both", payment_overdue=True),
            make_invoice("other", customer={"lago_id": "cus-2", "external_id": "other-inc"}),
        ]
        found = client.list_unpaid_invoices(external_customer_id="acme-inc")
        assert sorted(i.lago_id for i in found) == ["both", "failed", "overdue"]
        assert {i.subscriptions for i in found} == {frozenset({"acme"})}
        assert len(client.list_unpaid_invoices()) == 4


class TestReading:
    def test_an_id_is_quoted(self, client: LagoHttp, lago_server: LagoServer) -> None:
        lago_server.entitlements["a/b c?d#e"] = make_features(sites=7)
        found = client.find_entitlements("a/b c?d#e", "starter")
        assert found is not None
        assert found.sites == 7

    @pytest.mark.parametrize("odd", ["", ".", ".."])
    def test_an_id_that_would_change_the_address_is_refused(
        self, client: LagoHttp, lago_server: LagoServer, odd: str
    ) -> None:
        with pytest.raises(LagoRefused):
            client.find_invoice(odd)
        assert lago_server.requests == []

    def test_entitlements_fall_back_to_the_plan(self, client: LagoHttp, lago_server: LagoServer) -> None:
        lago_server.plans.append(make_plan("business", sites=3))
        own, of_plan = (
            client.find_entitlements("acme", "starter"),
            client.find_entitlements("new", "business"),
        )
        assert own == LIMITS
        assert of_plan is not None
        assert of_plan.sites == 3
        assert client.find_entitlements("new", "gone") is None

    def test_a_customer_with_a_dot_is_found_by_listing(
        self, client: LagoHttp, lago_server: LagoServer
    ) -> None:
        lago_server.customers += [make_customer("acme"), make_customer("acme.io", name="Dotted")]
        assert client.find_customer("acme.io") == Customer(
            external_id="acme.io", name="Dotted", email="owner@acme.example"
        )
        assert client.find_customer("gone") is None
        assert client.find_customer("gone.io") is None

    def test_the_key_travels_as_a_bearer(self, client: LagoHttp, lago_server: LagoServer) -> None:
        client.check(timeout=2)
        assert lago_server.headers[-1]["Authorization"] == "Bearer key"

    def test_a_path_prefix_of_the_address_is_kept(self, lago_server: LagoServer) -> None:
        client = LagoHttp(api_url=f"{lago_server.url}/billing/", api_key="key", timeout=2)
        assert client.find_invoice("inv-1") is None
        assert lago_server.requests[-1] == ("GET", "/billing/api/v1/invoices/inv-1")

    def test_an_invoice_without_an_id_is_not_believed(
        self, client: LagoHttp, lago_server: LagoServer
    ) -> None:
        lago_server.raw_answer = b'{"invoice": {"status": "finalized"}}'
        with pytest.raises(LagoUnreadable, match="lacks lago_id"):
            client.find_invoice("inv-1")


class TestTrouble:
    def test_a_passing_failure_is_retried(self, client: LagoHttp, lago_server: LagoServer) -> None:
        lago_server.broken = 2
        assert client.list_subscriptions() == []
        assert len(lago_server.requests) == 3

    def test_a_lasting_failure_is_told(self, client: LagoHttp, lago_server: LagoServer) -> None:
        lago_server.always_broken = True
        with pytest.raises(LagoUnreadable, match="answered 503"):
            client.list_subscriptions()

    def test_readiness_does_not_retry(self, client: LagoHttp, lago_server: LagoServer) -> None:
        lago_server.always_broken = True
        with pytest.raises(LagoUnreadable):
            client.check(timeout=2)
        assert len(lago_server.requests) == 1

    def test_a_slow_lago_runs_into_the_time_limit(self, lago_server: LagoServer) -> None:
        lago_server.delay = 1.0
        with pytest.raises(LagoUnreadable, match="did not answer"):
            make_client(lago_server, timeout=0.1, attempts=1).find_invoice("inv-1")

    @pytest.mark.parametrize(
        "raw", [b"<html>", b"[]", b"null", b"{}", b'{"subscriptions": []}', b'{"meta": {}}']
    )
    def test_an_answer_that_is_no_listing_is_not_believed(self, lago_server: LagoServer, raw: bytes) -> None:
        lago_server.raw_answer = raw
        with pytest.raises(LagoUnreadable):
            make_client(lago_server, attempts=1).list_subscriptions()

    def test_a_refused_key_is_told_at_once(self) -> None:
        class Closed(LagoServer):
            def respond(self, *_: object) -> tuple[int, object]:
                return 401, {"status": 401, "error": "Unauthorized"}

        with serving(Closed()) as url, pytest.raises(LagoRefused, match="answered 401"):
            LagoHttp(api_url=url, api_key="wrong", timeout=2).list_subscriptions()

    def test_rate_limits_wait_as_long_as_lago_says(self) -> None:
        class Limited(LagoServer):
            def respond(self, *parts: object) -> tuple[int, object]:
                return (429, {}) if len(self.requests) == 1 else super().respond(*parts)  # type: ignore[arg-type]

        with serving(Limited()) as url:
            assert LagoHttp(api_url=url, api_key="k", timeout=2).list_subscriptions() == []


class TestBothAdapters:
    """What the port promises, over the real client and over the fake."""

    @pytest.fixture(params=["real", "fake"])
    def lago(self, request: pytest.FixtureRequest, lago_server: LagoServer) -> Lago:
        if request.param == "real":
            lago_server.subscriptions += [
                make_subscription(),
                make_subscription("other", plan_code="business"),
            ]
            lago_server.invoices += [make_invoice(), make_invoice("paid", payment_status="succeeded")]
            return make_client(lago_server)
        return FakeLago(
            subscriptions={
                "1": make_generation(lago_id="sub-acme"),
                "2": make_generation(lago_id="sub-other", external_id="other", plan_code="business"),
            },
            invoices={"inv-1": make_debt(), "paid": make_debt(lago_id="paid", payment_status="succeeded")},
            customers={"acme-inc": Customer(external_id="acme-inc", name="Acme", email="owner@acme.example")},
            entitlements={"acme": LIMITS},
            plans={"starter": LIMITS},
        )

    def test_filters(self, lago: Lago) -> None:
        def ids(**filters: str) -> list[str]:
            return sorted(g.lago_id for g in lago.list_subscriptions(**filters))

        assert ids() == ["sub-acme", "sub-other"]
        assert ids(external_id="acme") == ["sub-acme"]
        assert ids(plan_code="business") == ["sub-other"]
        assert ids(external_customer_id="nobody") == []

    def test_the_rest(self, lago: Lago) -> None:
        ask: Callable[[str], object] = lago.find_invoice
        assert [i.lago_id for i in lago.list_unpaid_invoices()] == ["inv-1"]
        assert (ask("paid") is not None, ask("nothing")) == (True, None)
        assert lago.find_customer("acme-inc") is not None
        assert lago.find_entitlements("acme", "starter") == LIMITS
        assert lago.list_plan_entitlements() == {"starter": LIMITS}
