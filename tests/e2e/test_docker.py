"""The promise to the customer once more, with benches in containers."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.executors.docker import OWNER_LABEL
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from tests.e2e.platform import Platform, run_up, running
from tests.e2e.tenants import Tenants
from tests.factories.docker_engine import Engine, docker_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]
AWAY_SECONDS = 8.0
BACK_SECONDS = 240.0
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def contained(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose agent was told to use containers, in the place where its owner tells it."""
    state = tmp_path_factory.mktemp("contained")
    settings = {"PRESS_AGENT_EXECUTOR": "docker", "PRESS_AGENT_DOCKER_URL": docker.url}
    if BUNDLE.exists():
        settings["PRESS_AGENT_EXTRA_CA"] = str(BUNDLE)
    (state / "settings").mkdir()
    (state / "settings" / "agent.env").write_text(
        "".join(f"{name}={value}\n" for name, value in settings.items())
    )
    with running(state) as platform:
        yield platform
    with closing(DockerConnection(docker.url)) as connection:
        containers = DockerContainers(connection)
        for container in containers.list_labelled(label_of(platform)):
            containers.remove(container.name, stop_seconds=0)


def label_of(platform: Platform) -> str:
    return f"{OWNER_LABEL}={platform.paths.state.resolve() / 'agent'}"


def list_states(docker: Engine, platform: Platform) -> list[str]:
    with closing(DockerConnection(docker.url)) as connection:
        own = DockerContainers(connection).list_labelled(label_of(platform))
    return [container.state for container in own]


def test_every_promise_of_a_subscription_holds(docker: Engine, contained: Platform) -> None:
    done = contained.press("demo", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert said["ok"]
    assert list_states(docker, contained) == ["running"]


def test_down_stops_the_containers_and_up_starts_them(docker: Engine, contained: Platform) -> None:
    run_up(contained.paths, "--down")
    assert list_states(docker, contained) == ["exited"]
    run_up(contained.paths, "--no-demo")
    contained.wait_healthy()
    assert list_states(docker, contained) == ["running"]


def test_a_killed_engine_brings_the_sites_back(docker: Engine, contained: Platform) -> None:
    tenant = Tenants(contained).new()
    tenant.subscribe()
    tenant.wait_for("active")
    tenant.log_in().add_party("Survivor")
    docker.kill()
    docker.start()
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Survivor")) == 1


def test_what_is_ordered_while_the_engine_is_away_is_done_when_it_is_back(
    docker: Engine, contained: Platform
) -> None:
    tenant = Tenants(contained).new()
    docker.kill()
    tenant.subscribe()
    time.sleep(AWAY_SECONDS)
    assert not tenant.sites or tenant.sites[0]["status"] != "active"
    docker.start()
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    assert len(tenant.sites) == 1
    tenant.log_in().add_party("Patient")
