"""What is granted, and what does not fit."""

import pytest

from press_app.plans.errors import AppUnknown
from press_app.plans.rules import GIGABYTE, Entitlements, Usage, check_apps, effective, fits

STARTER = Entitlements(sites=1, users=5, storage_gb=5, apps=("base",))


class TestFits:
    def test_says_nothing_when_all_fits_to_the_last_byte(self) -> None:
        used = Usage(sites=1, users=5, storage_bytes=5 * GIGABYTE, apps=frozenset({"base"}))
        assert fits(STARTER, used) == []

    def test_says_of_each_thing_what_must_go_first(self) -> None:
        used = Usage(sites=3, users=7, storage_bytes=5 * GIGABYTE + 1, apps=frozenset({"base", "hr", "crm"}))
        found = {item.what: (item.allowed, item.used, item.advice) for item in fits(STARTER, used)}
        assert found == {
            "sites": (1, 3, "Archive 2 of 3 sites first."),
            "users": (5, 7, "Deactivate 2 of 7 users first."),
            "storage_gb": (5, 6, "Remove 1 GB of files first."),
            "apps": ("base", "base, crm, hr", "Uninstall crm, hr first."),
        }

    def test_never_complains_where_there_is_no_limit(self) -> None:
        used = Usage(sites=10**6, users=10**6, storage_bytes=10**18, apps=frozenset({"anything"}))
        assert fits(Entitlements(), used) == []

    def test_grants_nothing_at_zero(self) -> None:
        assert [item.what for item in fits(Entitlements(sites=0), Usage(sites=1))] == ["sites"]


class TestEffective:
    def test_takes_an_override_as_a_whole(self) -> None:
        override = Entitlements(sites=None, users=50)
        assert effective(STARTER, override) is override
        assert effective(STARTER, None) is STARTER


class TestCheckApps:
    def test_orders_and_completes(self) -> None:
        assert check_apps(["hr", "crm", "hr"]) == ("base", "crm", "hr")
        assert check_apps([]) == ("base",)

    def test_puts_what_nobody_knows_last(self) -> None:
        assert check_apps(["zeta", "alpha", "hr"]) == ("base", "hr", "alpha", "zeta")

    @pytest.mark.parametrize("name", ["Pay", "pay roll", "1pay", "", "a" * 41, "../etc"])
    def test_refuses_what_is_no_name(self, name: str) -> None:
        with pytest.raises(AppUnknown) as refusal:
            check_apps(["base", name])
        assert refusal.value.context == {"apps": [name]}
