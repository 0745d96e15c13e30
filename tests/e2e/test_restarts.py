"""Everything stops and starts again, Redis forgets everything: sites are where they were, work goes on."""

import pytest

from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenants

pytestmark = [pytest.mark.platform, pytest.mark.timeout(420)]


def test_routes_are_right_after_everything_was_restarted(platform: Platform, tenants: Tenants) -> None:
    running, unpaid, ended = tenants.active(), tenants.active(), tenants.active()
    unpaid.fail_payment()
    ended.terminate()
    unpaid.wait_for("suspended")
    ended.wait_for("archived")
    platform.restart()
    platform.wait_healthy()
    running.wait_seen(200)
    unpaid.wait_seen(402)
    ended.wait_seen(404)
    assert running.log_in().find_parties("Nobody") == []


def test_a_lost_redis_loses_no_work(platform: Platform, tenants: Tenants) -> None:
    tenant = tenants.new()
    tenant.subscribe()
    for _ in range(5):
        platform.flush_redis()
    tenant.wait_for("installing", "active")
    platform.flush_redis()
    tenant.wait_for("active", seconds=90)
    tenant.terminate()
    platform.flush_redis()
    tenant.wait_for("archiving", "archived")
    platform.flush_redis()
    tenant.wait_for("archived", seconds=90)
    tenant.wait_seen(404)
