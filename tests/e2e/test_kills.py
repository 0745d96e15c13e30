"""Programs are killed in the middle of a create and of an archive; the platform ends where it should by itself."""

from collections.abc import Callable

import pytest

from press_app.cli.failures import CommandFailed
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.platform, pytest.mark.timeout(420)]

CONVERGED = 180.0
"""A dead worker's task is free again after its lease, at most a minute later."""

VICTIMS = [
    ("press-api",),
    ("press-worker",),
    ("agent-api",),
    ("agent-worker-0", "agent-worker-1"),
    ("bridge-api",),
    ("bridge-worker",),
]
BRIDGE = {"bridge-api", "bridge-worker"}


@pytest.mark.parametrize("victims", VICTIMS, ids=lambda names: names[0])
def test_a_create_and_an_archive_survive_a_kill(
    platform: Platform, tenants: Tenants, victims: tuple[str, ...]
) -> None:
    tenant = tenants.new()
    tenant.subscribe()
    kill_in_the_middle(platform, tenant, victims, "installing")
    tenant.wait_for("active", seconds=CONVERGED)
    tenant.wait_seen(200)
    assert len(tenant.sites) == 1
    patiently(lambda: tenant.log_in().add_party("Survivor"))

    tenant.terminate()
    kill_in_the_middle(platform, tenant, victims, "archiving")
    tenant.wait_for("archived", seconds=CONVERGED)
    tenant.wait_seen(404)
    assert_backup_is_verified(platform, tenant)
    assert_nothing_is_left(platform, tenant)


def kill_in_the_middle(platform: Platform, tenant: Tenant, victims: tuple[str, ...], working: str) -> None:
    """The bridge dies while it decides, everything else while the site is worked on."""
    if not BRIDGE & set(victims):
        tenant.wait_for(working, "active" if working == "installing" else "archived")
    platform.kill(*victims)


def patiently(act: Callable[[], object]) -> None:
    """Do it as soon as a restarted API answers."""

    def is_done() -> bool:
        try:
            act()
        except CommandFailed:
            return False
        return True

    wait_until(is_done, seconds=60, what="the act")


def assert_backup_is_verified(platform: Platform, tenant: Tenant) -> None:
    backups = platform.api.list_all(f"/v1/sites/{tenant.sites[0]['id']}/backups")
    assert any(backup["verified_at"] for backup in backups)


def assert_nothing_is_left(platform: Platform, tenant: Tenant) -> None:
    """The host holds nothing of an archived site, and no promise is broken."""
    site_id = tenant.sites[0]["id"]
    findings = [finding for finding in platform.api.list_all("/v1/findings") if site_id in finding["subject"]]
    assert findings == []
    held = {site["id"] for site in platform.read_host_state()["sites"]}
    assert site_id not in held
