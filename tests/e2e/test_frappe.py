"""The promise to the customer once more, with a real Frappe in containers, and what happens when its parts die."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from agent.executors.docker import OWNER_LABEL
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from press_app.cli.demo.person import log_in_by_link
from press_app.cli.sites import make_login_link
from tests.e2e.platform import Platform, running
from tests.e2e.tenants import Tenants
from tests.factories.docker_engine import Engine, docker_engine
from tests.factories.frappe import list_sources, name_code, settle
from tests.factories.frappe_app import APP, notes_app
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.frappe, pytest.mark.docker, pytest.mark.timeout(3600)]
BACK_SECONDS = 240.0


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    list_sources()
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def platform(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    state = tmp_path_factory.mktemp("frappe")
    with running(state, *settle(state, docker.url, notes_app("first"))) as made:
        yield made
    with closing(DockerConnection(docker.url)) as connection:
        containers = DockerContainers(connection)
        for container in containers.list_labelled(label_of(made)):
            containers.remove(container.name, stop_seconds=0)


def label_of(platform: Platform) -> str:
    return f"{OWNER_LABEL}={platform.paths.state.resolve() / 'agent'}"


def kill_bench(docker: Engine, platform: Platform) -> None:
    """End the bench's container as the kernel would."""
    with closing(DockerConnection(docker.url)) as connection, connection.asking() as client:
        for container in client.containers.list(filters={"label": label_of(platform)}):
            os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)


def test_every_promise_of_a_subscription_holds(platform: Platform) -> None:
    done = platform.press("demo", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"]


@pytest.mark.parametrize("operation", ["subscribe", "suspend", "terminate"])
@pytest.mark.parametrize("victim", ["agent-mariadb", "bench", "agent-worker-0"])
def test_what_is_killed_in_the_middle_is_finished(
    docker: Engine, platform: Platform, operation: str, victim: str
) -> None:
    def hurt() -> None:
        if victim == "bench":
            kill_bench(docker, platform)
        else:
            platform.kill(victim)

    tenant = Tenants(platform).new()
    tenant.subscribe()
    if operation == "subscribe":
        hurt()
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    tenant.log_in().add_party("Survivor")
    if operation == "suspend":
        invoice = tenant.fail_payment()
        hurt()
        tenant.wait_for("suspended", seconds=BACK_SECONDS)
        tenant.wait_seen(402)
        platform.lago.set_payment(invoice, "succeeded")
        tenant.wait_for("active", seconds=BACK_SECONDS)
        tenant.wait_seen(200)
    if operation == "terminate":
        tenant.terminate()
        hurt()
        tenant.wait_for("archived", seconds=BACK_SECONDS)
        tenant.subscribe()
        tenant.wait_for("active", seconds=BACK_SECONDS)
        tenant.wait_seen(200)
    assert tenant.log_in().find_parties("Survivor") == ["Survivor"]
    tenant.terminate()
    tenant.wait_for("archived", seconds=BACK_SECONDS)


def press(platform: Platform, *arguments: str) -> Any:
    """What the command answers as JSON; it must end well."""
    done = platform.press(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def deploy(platform: Platform, release: str) -> str:
    """A bench of a later commit of the app, beside the first; the name of its release."""
    name = f"frappe-{release}"
    code = name_code(*list_sources(), notes_app(release))
    press(platform, "release", "add", "--engine", "frappe", "--version", release, "--name", name, *code)
    press(platform, "bench", "deploy", "--release", name, "--another", "--wait")
    return name


def test_a_site_through_all_its_changes(platform: Platform) -> None:
    press(platform, "plan", "change", "enterprise", "--app", "base", "--app", APP)
    platform.lago.ensure_plan("enterprise")
    tenant = Tenants(platform).new()
    platform.lago.subscribe(tenant.mark, tenant.external_id, plan="enterprise", name=tenant.mark)
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.log_in().add_party("Survivor")
    name = f"{tenant.mark}-new"

    assert press(platform, "site", "show", tenant.mark)["apps"] == ["base", APP]
    assert press(platform, "site", "remove-app", tenant.mark, APP, "--yes")["apps"] == ["base"]
    assert press(platform, "site", "install-app", tenant.mark, APP)["apps"] == ["base", APP]
    press(platform, "site", "config", tenant.mark, "--set", "custom_colour=blue")
    press(platform, "site", "rename", tenant.mark, name)
    wait_until(lambda: tenant.look() == 302, seconds=10, what="a redirect at the old name")

    copy = press(platform, "site", "copy", name, f"{name}-copy")
    assert (copy["status"], copy["apps"], copy["is_muted"]) == ("active", ["base", APP], True)
    assert find_survivor(platform, copy)

    moved = press(platform, "site", "update", name, "--release", deploy(platform, "second"))
    assert find_survivor(platform, moved)

    broken = platform.press("site", "update", name, "--release", deploy(platform, "broken"), "--json")
    assert broken.returncode == 1
    assert "always fails" in broken.stderr
    wait_until(lambda: platform.visitor(f"{name}.localhost").look() == 200, seconds=60, what="the site back")
    assert find_survivor(platform, moved)


def find_survivor(platform: Platform, site: dict[str, Any]) -> bool:
    link = make_login_link(platform.api, site["id"])
    person = log_in_by_link(platform.visitor(site["hostname"]), link["url"])
    return person.find_parties("Survivor") == ["Survivor"]
