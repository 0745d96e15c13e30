"""A stack of containers that offers a real Frappe, whose code comes over TLS from an authority that the stack was told of."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agent.engines.port import Source
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from agent.host.docker_values import Container
from tests.e2e.platform import CACHE
from tests.e2e.stacks import BACK_SECONDS, BUNDLE, Running, running_stack
from tests.e2e.tenants import Tenant, Tenants
from tests.factories.docker_engine import Engine, docker_engine
from tests.factories.frappe import list_sources
from tests.factories.git_https import git_https, publish
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.frappe, pytest.mark.docker, pytest.mark.timeout(3600)]
BRANCH = "version-15"
TENANTS = "tenants-mariadb"


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    list_sources()
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Path]]:
    """How ``init.sh`` is told the apps, and all authorities to trust. What is a folder here is served as others serve theirs."""
    folder = tmp_path_factory.mktemp("git")
    with git_https(folder, CACHE.parent / "git-https") as (address, authority):
        apps = [part for source in list_sources() for part in ("--app", serve(folder, address, source))]
        known = BUNDLE.read_bytes() if BUNDLE.exists() else b""
        authorities = folder / "authorities.pem"
        authorities.write_bytes(known + authority.read_bytes())
        yield apps, authorities


def serve(folder: Path, address: str, source: Source) -> str:
    url = urlsplit(source.url)
    if url.scheme != "file":
        return f"{source.app}={source.url}@{source.commit}"
    publish(folder, source.app, Path(url.path), BRANCH, source.commit)
    return f"{source.app}={address}/{source.app}@{BRANCH}"


@pytest.fixture(scope="module")
def running(
    docker: Engine, mirror: tuple[list[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    apps, authorities = mirror
    state = tmp_path_factory.mktemp("stack")
    with running_stack(docker, state, "--engine", "frappe", *apps, extra_ca=authorities) as made:
        yield made


def subscribe(running: Running) -> Tenant:
    tenant = Tenants(running.platform).new()
    tenant.subscribe()
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    return tenant


def list_benches(running: Running) -> list[Container]:
    with closing(DockerConnection(running.engine.url)) as connection:
        return DockerContainers(connection).list_labelled(running.bench_label)


def test_every_promise_of_a_subscription_holds(running: Running) -> None:
    said = json.loads(running.compose.run("run", "--rm", "--no-deps", "-T", "press", "demo", "--json"))
    sys.stdout.write(json.dumps(said))
    assert said["ok"]


def test_the_branch_was_pinned_and_the_agent_offers_both(running: Running) -> None:
    pinned = running.platform.api.list_all("/v1/releases")
    sources = {source["app"]: source["commit"] for source in pinned[0]["sources"]}
    assert sources == {source.app: source.commit for source in list_sources()}
    assert all(commit in running.env_file.read_text("utf-8") for commit in sources.values())
    environment = running.compose.run("exec", "-T", "agent-api", "env")
    assert "PRESS_AGENT_ENGINES=frappe,tryton" in environment


def test_everything_is_healthy_and_asked(running: Running) -> None:
    running.wait_healthy()
    assert any(TENANTS in name for name in running.list_states())


def test_no_program_is_root_and_no_secret_is_in_an_environment(running: Running) -> None:
    folder = running.stack.dir / "secrets"
    words = {path.read_text("utf-8").split()[-1] for path in folder.iterdir() if path.stat().st_size > 1}
    for container in running.list_containers():
        assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}
        text = json.dumps(container)
        assert not [word for word in words if word in text], container["Name"]


def test_a_second_time_nothing_is_made_and_nothing_restarts(
    running: Running, mirror: tuple[list[str], Path]
) -> None:
    before = {one["Id"]: one["State"]["StartedAt"] for one in running.list_containers()}
    written = running.env_file.read_text("utf-8")
    for arguments in ((), ("--engine", "frappe", *mirror[0])):
        done = running.init(*arguments)
        assert done.returncode == 0, done.stderr
        assert "secrets: 0 made" in done.stderr
        assert {one["Id"]: one["State"]["StartedAt"] for one in running.list_containers()} == before
        assert running.env_file.read_text("utf-8") == written
    refused = running.init("--engine", "tryton")
    assert refused.returncode == 1
    assert "This stack runs frappe" in refused.stderr


def test_killed_databases_lose_nothing(running: Running) -> None:
    tenant = subscribe(running)
    tenant.log_in().add_party("Survivor")
    running.kill([one for one in running.list_containers() if TENANTS in one["Name"]])
    tenant.wait_seen(200, seconds=BACK_SECONDS)
    assert tenant.log_in().find_parties("Survivor") == ["Survivor"]
    running.wait_healthy()


def test_a_killed_engine_brings_everything_back(running: Running) -> None:
    tenant = subscribe(running)
    tenant.log_in().add_party("Survivor")
    before = running.list_containers()
    running.engine.kill()
    running.engine.start()
    wait_until(running.has_new_processes_after(before), seconds=BACK_SECONDS, what="new processes")
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200, seconds=BACK_SECONDS)
    assert tenant.log_in().find_parties("Survivor") == ["Survivor"]
    assert [bench.state for bench in list_benches(running)] == ["running"]
    subscribe(running)
    running.wait_healthy()


def test_what_was_stopped_is_there_when_it_is_started_again(running: Running) -> None:
    tenant = subscribe(running)
    tenant.log_in().add_party("Sleeper")
    assert running.init("--down").returncode == 0
    assert running.list_containers() == []
    done = running.init()
    assert done.returncode == 0, done.stderr
    tenant.wait_seen(200, seconds=BACK_SECONDS)
    assert tenant.log_in().find_parties("Sleeper") == ["Sleeper"]
