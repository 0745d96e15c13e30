"""Lago's JSON becomes facts; odd values neither lift a limit nor stop the money."""

from typing import Any

import pytest

from billing_bridge.lago import parse
from billing_bridge.policy import Entitlements
from tests.billing_bridge.builders import make_customer, make_features, make_invoice, make_subscription


def feature(code: str, privilege: str, value: Any) -> dict[str, Any]:
    return {"code": code, "privileges": [{"code": privilege, "value": value}]}


class TestEntitlements:
    def test_all_four_are_read(self) -> None:
        found = parse.entitlements(make_features(sites=3, users=25, apps="base, crm,hr,,base", gb=50))
        assert found == Entitlements(sites=3, users=25, apps=("base", "crm", "hr"), storage_gb=50)

    def test_what_is_missing_is_unlimited(self) -> None:
        assert parse.entitlements([feature("sites", "max", 1)]) == Entitlements(sites=1)

    @pytest.mark.parametrize("value", [None, "", "unlimited", "-1", -1])
    def test_the_words_for_unlimited(self, value: Any) -> None:
        assert parse.entitlements([feature("users", "max", value)]) == Entitlements(users=None)

    @pytest.mark.parametrize("value", ["7", 7, "7.0", 7.0])
    def test_numbers_come_as_text_too(self, value: Any) -> None:
        assert parse.entitlements([feature("users", "max", value)]) == Entitlements(users=7)

    @pytest.mark.parametrize("value", ["five", "1e999", [], {}])
    def test_a_limit_that_is_no_number_leaves_the_plans_own(self, value: Any) -> None:
        assert parse.entitlements([feature("users", "max", value)]) is None

    def test_a_single_privilege_may_have_any_name(self) -> None:
        assert parse.entitlements([feature("sites", "amount", 4)]) == Entitlements(sites=4)

    def test_storage_may_be_called_by_its_unit(self) -> None:
        assert parse.entitlements([feature("storage_gb", "max", "10")]) == Entitlements(storage_gb=10)

    def test_a_wrapped_entitlement_is_unwrapped(self) -> None:
        wrapped = [{"code": "sites", "entitlement": feature("sites", "max", 2)}]
        assert parse.entitlements(wrapped) == Entitlements(sites=2)

    @pytest.mark.parametrize("features", [[], [None], [{"code": "backups"}], ["sites"], [{"code": 5}]])
    def test_unknown_features_are_no_entitlements(self, features: list[Any]) -> None:
        assert parse.entitlements(features) is None

    def test_apps_may_be_a_list_or_everything(self) -> None:
        assert parse.entitlements([feature("apps", "list", ["crm", "hr"])]) == Entitlements(
            apps=("crm", "hr")
        )
        assert parse.entitlements([feature("apps", "list", "unlimited")]) == Entitlements(apps=None)


class TestInvoice:
    def test_every_part_that_names_a_subscription_counts_once(self) -> None:
        item = make_invoice(
            fees=[{"external_subscription_id": "a"}, {"external_subscription_id": None}, "odd"],
            billing_periods=[{"external_subscription_id": "b"}, {"external_subscription_id": "a"}],
            subscriptions=[{"external_id": "c"}],
        )
        assert parse.invoice(item).subscriptions == frozenset("abc")

    def test_without_a_customer_the_fees_name_him(self) -> None:
        item = make_invoice(customer=None)
        assert parse.invoice(item).lago_customer_id == "cus-1"

    @pytest.mark.parametrize("day", [None, "", "yesterday", 5])
    def test_odd_dates_are_no_dates(self, day: Any) -> None:
        assert parse.invoice(make_invoice(issuing_date=day)).issuing_date is None


def test_a_subscription_keeps_its_milliseconds_and_tolerates_odd_moments() -> None:
    found = parse.generation(make_subscription(created_at="2026-11-01T10:00:00.123Z", started_at="soon"))
    assert found.created_at is not None
    assert found.created_at.microsecond == 123_000
    assert found.started_at is None


class TestCustomer:
    def test_where_he_is_at_home_is_read(self) -> None:
        home = {"country": "FR", "currency": "EUR", "timezone": "Europe/Paris", "applicable_timezone": "UTC"}
        item = make_customer(**home, billing_configuration={"document_locale": "fr"})
        found = parse.customer(item)
        assert (found.country, found.currency, found.language, found.time_zone) == (
            "FR",
            "EUR",
            "fr",
            "Europe/Paris",
        )

    @pytest.mark.parametrize("billing", [None, [], {"document_locale": ""}, {"document_locale": 7}])
    def test_what_lago_does_not_say_is_unknown(self, billing: Any) -> None:
        found = parse.customer(
            make_customer(country="", timezone=None, applicable_timezone="UTC", billing_configuration=billing)
        )
        assert {found.country, found.currency, found.language, found.time_zone} == {None}
