"""Features, plan entitlements, and what a subscription is granted."""

from typing import Any

import pytest

from tests.billing_bridge.sandbox.driver import Driver
from tests.billing_bridge.sandbox.receiver import Receiver

PRIVILEGES = [
    {"code": "max", "value_type": "integer"},
    {"code": "custom", "value_type": "boolean"},
    {"code": "tier", "value_type": "select", "config": {"select_options": ["small", "large"]}},
    {"code": "list", "value_type": "string"},
]


@pytest.fixture
def shop(lago: Driver) -> Driver:
    lago.customer()
    lago.plan("starter", 2900)
    lago.post("/features", {"feature": {"code": "sites", "name": "Sites", "privileges": PRIVILEGES}})
    lago.post("/plans/starter/entitlements", {"entitlements": {"sites": {"max": 1, "custom": False}}})
    return lago


def sent_after(lago: Driver, before: int) -> list[str]:
    return lago.sent_types()[before:]


def granted(lago: Driver, external_id: str = "acme-erp") -> dict[str, Any]:
    entitlements = lago.get(f"/subscriptions/{external_id}/entitlements")["entitlements"]
    return {each["code"]: {p["code"]: p["value"] for p in each["privileges"]} for each in entitlements}


class TestFeatures:
    def test_read_change_and_delete(self, shop: Driver) -> None:
        assert shop.get("/features/sites")["feature"]["name"] == "Sites"
        assert shop.get("/features")["meta"]["total_count"] == 1
        before = len(shop.sent_types())
        changed = {"name": "Shops", "privileges": [{"code": "extra", "value_type": "string"}]}
        feature = shop.put("/features/sites", {"feature": changed})["feature"]
        assert [each["code"] for each in feature["privileges"]] == ["max", "custom", "tier", "list", "extra"]
        assert sent_after(shop, before) == ["feature.updated", "plan.updated"]
        shop.delete("/features/sites/privileges/extra")
        shop.delete("/features/sites/privileges/extra", expect=404)
        shop.delete("/features/sites")
        assert sent_after(shop, before + 4) == ["feature.deleted", "plan.updated"]
        assert shop.get("/features/sites", expect=404)["code"] == "feature_not_found"
        assert shop.get("/plans/starter")["plan"]["entitlements"] == []

    @pytest.mark.parametrize(
        ("given", "details"),
        [
            ({"name": "x"}, {"code": ["value_is_mandatory"]}),
            ({"code": "sites"}, {"code": ["value_already_exist"]}),
            (
                {"code": "a", "privileges": [{"code": "p", "value_type": "list"}]},
                {"privilege.value_type": ["value_is_invalid"]},
            ),
            (
                {"code": "a", "privileges": [{"code": "p", "value_type": "select"}]},
                {"privilege.config": ["invalid_format"]},
            ),
        ],
    )
    def test_refusals(self, shop: Driver, given: dict[str, Any], details: dict[str, Any]) -> None:
        assert shop.post("/features", {"feature": given}, expect=422)["error_details"] == details

    def test_editing_one_that_is_only_an_override_tells_no_subscription(self, shop: Driver) -> None:
        shop.post("/features", {"feature": {"code": "vip", "privileges": [{"code": "level"}]}})
        shop.subscribe("starter")
        shop.patch("/subscriptions/acme-erp/entitlements", {"entitlements": {"vip": {"level": "gold"}}})
        before = len(shop.sent_types())
        shop.put("/features/vip", {"feature": {"name": "Very"}})
        assert sent_after(shop, before) == ["feature.updated"]


class TestPlanEntitlements:
    def test_replace_merge_and_remove_each_send_plan_updated(self, shop: Driver, receiver: Receiver) -> None:
        before = len(shop.sent_types())
        path = "/plans/starter/entitlements"
        shop.patch(path, {"entitlements": {"sites": {"max": 3}}})
        assert shop.get(path)["entitlements"][0]["privileges"][0]["value"] == 3
        shop.post(path, {"entitlements": {"sites": {"max": 5}}})
        shop.delete(f"{path}/sites/privileges/max")
        assert shop.get(f"{path}/sites")["entitlement"]["privileges"] == []
        shop.delete(f"{path}/sites")
        assert shop.get(path) == {"entitlements": []}
        assert sent_after(shop, before) == ["plan.updated"] * 4
        assert "entitlements" in receiver.wait_for("plan.updated")[0].object
        assert shop.get(f"{path}/sites", expect=404)["code"] == "entitlement_not_found"

    def test_a_plan_edit_is_not_told_per_subscription(self, shop: Driver) -> None:
        shop.subscribe("starter")
        before = len(shop.sent_types())
        shop.patch("/plans/starter/entitlements", {"entitlements": {"sites": {"max": 2}}})
        assert sent_after(shop, before) == ["plan.updated"]
        assert granted(shop) == {"sites": {"max": 2, "custom": False}}

    @pytest.mark.parametrize(
        ("values", "status", "details"),
        [
            ({"nothing": {"max": 1}}, 404, "feature_not_found"),
            ({"sites": {"min": 1}}, 404, "privilege_not_found"),
            ({"sites": {"max": "many"}}, 422, {"max_privilege_value": ["value_is_invalid"]}),
            ({"sites": {"max": [1]}}, 422, {"max_privilege_value": ["value_is_invalid"]}),
            ({"sites": {"tier": "huge"}}, 422, {"tier_privilege_value": ["value_not_in_select_options"]}),
        ],
    )
    def test_refusals(self, shop: Driver, values: Any, status: int, details: Any) -> None:
        refused = shop.patch("/plans/starter/entitlements", {"entitlements": values}, expect=status)
        assert refused.get("error_details", refused["code"]) == details


class TestSubscriptionEntitlements:
    def test_overrides_stand_beside_the_plan_and_are_always_told(
        self, shop: Driver, receiver: Receiver
    ) -> None:
        shop.subscribe("starter")
        before = len(shop.sent_types())
        path = "/subscriptions/acme-erp/entitlements"
        shop.patch(path, {"entitlements": {"sites": {"max": 9, "tier": "large"}}})
        shop.patch(path, {"entitlements": {"sites": {"max": 9}}})
        assert sent_after(shop, before) == ["subscription.updated"] * 2
        told = receiver.wait_for("subscription.updated", 2)[1].object["entitlements"][0]
        shown = {
            each["code"]: (each["value"], each["plan_value"], each["override_value"])
            for each in told["privileges"]
        }
        assert shown == {"max": (9, 1, 9), "custom": (False, False, None), "tier": ("large", None, "large")}
        assert told["overrides"] == {"max": 9, "tier": "large"}

    def test_removals_hold_until_given_back(self, shop: Driver) -> None:
        shop.subscribe("starter")
        path = "/subscriptions/acme-erp/entitlements"
        shop.delete(f"{path}/sites/privileges/custom")
        assert granted(shop) == {"sites": {"max": 1}}
        shop.delete(f"{path}/sites")
        assert granted(shop) == {}
        shop.delete(f"{path}/sites", expect=404)
        shop.patch(path, {"entitlements": {"sites": {"max": 4}}})
        assert granted(shop)["sites"]["max"] == 4
