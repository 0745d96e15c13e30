"""A site is changed as an operator does it, by the command line, on the whole platform: nothing of its data is lost."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from press_app.cli.demo.person import log_in_by_link
from press_app.cli.sites import make_login_link
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

PARTY = "Bakery Martin"


def press(platform: Platform, *arguments: str) -> Any:
    """What the command answers as JSON; it must end well."""
    done = platform.press(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def tenant(platform: Platform, tenants: Tenants) -> Tenant:
    """A customer of the plan with all apps, who has written something."""
    made = tenants.new()
    platform.lago.ensure_plan("business")
    platform.lago.subscribe(made.mark, made.external_id, plan="business", name=made.mark)
    made.wait_for("active")
    made.log_in().add_party(PARTY)
    return made


@pytest.fixture
def other_release(platform: Platform) -> Iterator[str]:
    """A release of the same code under another name, on a bench of its own beside the first."""
    name = f"next-{secrets.token_hex(3)}"
    press(platform, "release", "add", "--engine", "tryton", "--name", name)
    bench = press(platform, "bench", "deploy", "--release", name, "--another", "--wait")
    yield name
    press(platform, "bench", "drain", bench["id"])


def has_data(platform: Platform, hostname: str, site_id: str) -> bool:
    link = make_login_link(platform.api, site_id)
    return PARTY in log_in_by_link(platform.visitor(hostname), link["url"]).find_parties(PARTY)


def find_drift(platform: Platform, site_id: str) -> list[Any]:
    return [row for row in platform.api.list_all("/v1/findings") if site_id in row["subject"]]


def test_a_site_through_all_its_changes(platform: Platform, tenant: Tenant, other_release: str) -> None:
    site_id, old = tenant.sites[0]["id"], tenant.hostname

    site = press(platform, "site", "remove-app", tenant.mark, "hr", "--yes")
    assert site["apps"] == ["base", "crm"]
    assert site["last_change"]["closed_seconds"] > 0
    assert press(platform, "site", "install-app", tenant.mark, "hr")["apps"] == ["base", "crm", "hr"]
    rows = press(platform, "site", "apps", tenant.mark)["apps"]
    assert {row["app"] for row in rows if row["is_installed"]} == {"base", "crm", "hr"}

    press(platform, "site", "config", tenant.mark, "--set", "session_idle_minutes=30")
    assert press(platform, "site", "config", tenant.mark) == {"session_idle_minutes": 30}

    name = f"{tenant.mark}-new"
    renamed = press(platform, "site", "rename", tenant.mark, name)
    assert renamed["former_addresses"][0]["hostname"] == old
    wait_until(lambda: platform.visitor(old).look() == 302, seconds=10, what="a redirect at the old name")
    assert platform.visitor(f"{name}.localhost").look() == 200
    assert has_data(platform, f"{name}.localhost", site_id)

    moved = press(platform, "site", "update", name, "--release", other_release)
    assert moved["last_change"]["closed_seconds"] > 0
    assert moved["bench_id"] != site["bench_id"]
    assert has_data(platform, f"{name}.localhost", site_id)

    back = press(platform, "site", "move", name, "--bench", site["bench_id"])
    assert back["bench_id"] == site["bench_id"]
    assert platform.visitor(f"{name}.localhost").look() == 200
    kinds = [backup["kind"] for backup in platform.api.list_all(f"/v1/sites/{site_id}/backups")]
    assert kinds.count("before-change") == 4
    assert find_drift(platform, site_id) == []


def test_a_copy_has_the_data_and_goes_its_own_way(platform: Platform, tenant: Tenant) -> None:
    name = f"{tenant.mark}-two"
    copy = press(platform, "site", "copy", tenant.mark, name)
    assert (copy["status"], copy["is_muted"]) == ("active", True)
    assert copy["origin"]["site_id"] == tenant.sites[0]["id"]
    assert has_data(platform, f"{name}.localhost", copy["id"])
    press(platform, "site", "archive", name, "--yes")
    press(platform, "site", "wait", name, "--status", "archived")
    assert tenant.look() == 200


def test_what_cannot_work_is_refused_in_one_sentence(platform: Platform, tenant: Tenant) -> None:
    for arguments, code in (
        (("install-app", tenant.mark, "wiki"), "app_not_offered"),
        (("remove-app", tenant.mark, "base", "--yes"), "app_needed"),
        (("rename", tenant.mark, "www"), "site_name_invalid"),
        (("update", tenant.mark, "--release", "none"), "release_unknown"),
        (("config", tenant.mark, "--set", "api_key=x"), "config_refused"),
    ):
        done = platform.press("site", *arguments, "--json")
        assert (done.returncode, json.loads(done.stderr)["code"]) == (1, code)
    assert tenant.status == "active"
