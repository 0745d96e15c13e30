"""Webhooks come twice, late, in the wrong order or never; what Lago says happens once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.platform, pytest.mark.timeout(180)]

ORGANIZATION = "1a901a90-1a90-4a90-8a90-1a901a901a90"
ALL = 10_000
COPIES = 100
AT_ONCE = 20


@dataclass(frozen=True)
class Webhook:
    """What Lago sends: a body under a key that stays the same however often it is sent."""

    key: str
    payload: dict[str, Any]

    def deliver(self, platform: Platform) -> int:
        return platform.deliver(self.payload, key=self.key)


def lose_all(platform: Platform) -> None:
    platform.sandbox("POST", "chaos", {"drop_next": ALL})


def take_lost(platform: Platform, tenant: Tenant, webhook_type: str) -> Webhook:
    """The webhook about this tenant's subscription that nobody got, as Lago would have sent it."""
    status = "active" if webhook_type == "subscription.started" else "terminated"
    subscription = platform.lago.read_subscription(tenant.external_id, status)

    def find() -> list[str]:
        listed = platform.sandbox("GET", f"deliveries?webhook_type={webhook_type}&status=dropped")
        return [each["id"] for each in listed["deliveries"] if each["object_id"] == subscription["lago_id"]]

    wait_until(find, what=webhook_type)
    payload = {
        "webhook_type": webhook_type,
        "object_type": "subscription",
        "organization_id": ORGANIZATION,
        "subscription": subscription,
    }
    return Webhook(find()[-1], payload)


def test_the_same_webhook_a_hundred_times_makes_one_site(platform: Platform, tenants: Tenants) -> None:
    tenant = tenants.new()
    lose_all(platform)
    tenant.subscribe()
    lost = take_lost(platform, tenant, "subscription.started")
    assert tenant.read() is None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: lost.deliver(platform), range(COPIES)))
    assert set(answers) == {200}
    tenant.wait_for("active")
    sites = [site for site in platform.api.list_all("/v1/sites") if site["name"].startswith(tenant.mark)]
    assert [site["hostname"] for site in sites] == [tenant.hostname]
    jobs = platform.api.list_all("/v1/jobs", target=f"site:{sites[0]['id']}")
    assert [job["operation"] for job in jobs].count("create_site") == 1


def test_an_end_that_overtakes_its_start_makes_no_site(platform: Platform, tenants: Tenants) -> None:
    tenant = tenants.new()
    lose_all(platform)
    tenant.subscribe()
    started = take_lost(platform, tenant, "subscription.started")
    tenant.terminate()
    ended = take_lost(platform, tenant, "subscription.terminated")
    for lost in (ended, started):
        assert lost.deliver(platform) == 200
    wait_until(lambda: (tenant.read() or {}).get("wanted") == "end", seconds=30, what="the end")
    wait_until(lambda: _is_handled(platform, started.key), seconds=30, what="the late start")
    assert tenant.sites == []


def test_a_start_that_overtakes_the_end_before_it_leaves_a_running_site(
    platform: Platform, tenants: Tenants
) -> None:
    tenant = tenants.active()
    lose_all(platform)
    tenant.terminate()
    ended = take_lost(platform, tenant, "subscription.terminated")
    tenant.subscribe()
    started = take_lost(platform, tenant, "subscription.started")
    for lost in (started, ended):
        assert lost.deliver(platform) == 200
    wait_until(lambda: _is_handled(platform, ended.key), seconds=30, what="the late end")
    assert (tenant.read() or {})["wanted"] == "run"
    assert tenant.wait_for("active") == "active"
    assert tenant.look() == 200


def test_a_lost_webhook_is_repaired_by_the_reconciler(platform: Platform, tenants: Tenants) -> None:
    tenant = tenants.new()
    lose_all(platform)
    tenant.subscribe()
    take_lost(platform, tenant, "subscription.started")
    assert tenant.read() is None
    platform.reconcile()
    tenant.wait_for("active")
    assert tenant.look() == 200


def _is_handled(platform: Platform, key: str) -> bool:
    """Whether the bridge has handled the delivery with this key."""
    found = platform.find_delivery(key)
    return found is not None and found["status"] == "handled"
