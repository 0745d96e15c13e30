"""The promise to the customer once more, on a stack of containers that ``scripts/init.sh`` made from nothing."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.executors.docker import OWNER_LABEL
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from scripts.bringup.state import ROOT, Paths
from scripts.stack.compose import Compose, find_compose
from scripts.stack.secrets import AGENT
from scripts.stack.settings import Stack
from tests.e2e.platform import CACHE, Platform, choose_free_ports
from tests.e2e.tenants import Tenants
from tests.factories.docker_engine import Engine, docker_engine
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
INIT_SECONDS = 1200
BACK_SECONDS = 180.0
PORTS = ("http_port", "internal_port", "agent_port", "bench_port_start")


@dataclass(frozen=True)
class Running:
    """One stack, as somebody beside it sees it."""

    engine: Engine
    state: Path
    stack: Stack

    @property
    def env_file(self) -> Path:
        return self.state / "stack.env"

    @property
    def compose(self) -> Compose:
        words = find_compose()
        assert words is not None, "no docker compose: it stands in requirements/dev.txt"
        return Compose(words, Stack(_env_file=self.env_file), self.env_file)

    @property
    def platform(self) -> Platform:
        network = self.stack.network
        urls = {
            "press-api": f"http://{network}.10:8080",
            "lago-sandbox": f"http://{network}.13:8095",
            "edge": f"http://127.0.0.1:{self.stack.http_port}",
        }
        return Platform(Paths(self.stack.dir), urls)

    def init(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``scripts/init.sh`` without its installation of packages, answered by nobody."""
        return subprocess.run(
            [sys.executable, "-m", "scripts.stack", "--env-file", str(self.env_file), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=INIT_SECONDS,
        )

    def list_containers(self) -> list[dict[str, Any]]:
        """Everything that the engine knows of our containers."""
        with closing(DockerConnection(self.engine.url)) as connection, connection.asking() as client:
            label = f"com.docker.compose.project={self.stack.compose_project_name}"
            return [
                one.attrs for one in client.containers.list(filters={"label": label}, ignore_removed=True)
            ]

    def list_states(self) -> dict[str, str]:
        """Name of each container that runs → its health, or ``running`` where nobody looks."""
        return {
            one["Name"]: one["State"].get("Health", {}).get("Status", one["State"]["Status"])
            for one in self.list_containers()
        }

    def has_new_processes_after(self, before: list[dict[str, Any]]) -> Callable[[], bool]:
        """Whether each of these containers runs, and not as the process that it was."""
        old = {one["Id"]: one["State"]["Pid"] for one in before}

        def have() -> bool:
            now = {one["Id"]: one["State"]["Pid"] for one in self.list_containers()}
            return all(now.get(name) not in {None, 0, pid} for name, pid in old.items())

        return have

    def wait_healthy(self) -> None:
        wait_until(
            lambda: set(self.list_states().values()) == {"healthy"},
            seconds=BACK_SECONDS,
            what="all containers to be healthy",
        )


def bring_templates(folder: Path) -> None:
    """Databases that new sites are cloned from, of earlier runs; the agent makes what is missing."""
    releases = folder / "releases"
    releases.mkdir(parents=True)
    for kept in CACHE.glob("templates-*"):
        shutil.copytree(kept, releases / kept.name)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, AGENT, AGENT)


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    with docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def running(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack from nothing but an engine and four answers."""
    state = tmp_path_factory.mktemp("stack")
    # A folder that others may walk through, as /var/lib is: programs in containers are not who runs the test.
    for folder in (state, *state.parents[:2]):
        folder.chmod(0o755)
    ports: dict[str, Any] = dict(choose_free_ports(PORTS))
    stack = Stack(
        _env_file=None,
        compose_project_name=f"press-test-{secrets.token_hex(3)}",
        domain="localhost",
        email="operator@localhost.localdomain",
        dns_provider="none",
        object_store=f"folder:{state}/backups",
        dir=state / "data",
        network="10.213.7",
        docker_socket=docker.url.removeprefix("unix://"),
        extra_ca=str(BUNDLE) if BUNDLE.exists() else "",
        **ports,
    ).derive()
    made = Running(docker, state, stack)
    made.env_file.write_text(stack.format(), "utf-8")
    bring_templates(stack.dir / "agent")
    done = made.init()
    try:
        assert done.returncode == 0, done.stderr
        sys.stdout.write(done.stderr)
        yield made
    finally:
        made.compose.run("--profile", "*", "down", "--volumes", "--timeout", "10")
        with closing(DockerConnection(docker.url)) as connection:
            containers = DockerContainers(connection)
            for container in containers.list_labelled(f"{OWNER_LABEL}={stack.dir / 'agent'}"):
                containers.remove(container.name, stop_seconds=0)


def test_every_promise_of_a_subscription_holds(running: Running) -> None:
    said = json.loads(running.compose.run("run", "--rm", "--no-deps", "-T", "press", "demo", "--json"))
    sys.stdout.write(json.dumps(said))
    assert said["ok"]


def test_everything_is_healthy_and_asked(running: Running) -> None:
    running.wait_healthy()


def test_no_program_is_root_and_no_secret_is_in_an_environment(running: Running) -> None:
    folder = running.stack.dir / "secrets"
    # The last word: in Redis's file a directive stands before the password.
    words = {path.read_text("utf-8").split()[-1] for path in folder.iterdir() if path.stat().st_size > 1}
    for container in running.list_containers():
        assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}
        text = json.dumps(container)
        assert not [word for word in words if word in text], container["Name"]


def test_our_api_answers_through_the_edge_and_hides_its_figures(running: Running) -> None:
    visitor = running.platform.visitor("press.localhost")
    assert visitor.look("/health") == 200
    assert visitor.look("/metrics") == 404
    assert running.platform.visitor("billing.localhost").look("/v1/inbox") == 404


def test_a_second_time_nothing_is_made_and_nothing_restarts(running: Running) -> None:
    before = {one["Id"]: one["State"]["StartedAt"] for one in running.list_containers()}
    done = running.init()
    assert done.returncode == 0, done.stderr
    assert "secrets: 0 made" in done.stderr
    assert {one["Id"]: one["State"]["StartedAt"] for one in running.list_containers()} == before


def test_what_was_stopped_is_there_when_it_is_started_again(running: Running) -> None:
    tenant = Tenants(running.platform).active()
    tenant.log_in().add_party("Sleeper")
    assert running.init("--down").returncode == 0
    assert running.list_containers() == []
    assert tenant.look() == 0
    done = running.init()
    assert done.returncode == 0, done.stderr
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Sleeper")) == 1


def test_killed_programs_lose_nothing(running: Running) -> None:
    tenant = Tenants(running.platform).active()
    tenant.log_in().add_party("Survivor")
    before = running.list_containers()
    for container in before:
        os.kill(container["State"]["Pid"], signal.SIGKILL)
    wait_until(running.has_new_processes_after(before), seconds=BACK_SECONDS, what="new processes")
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Survivor")) == 1
    running.wait_healthy()


def test_a_killed_engine_brings_everything_back(running: Running) -> None:
    tenant = Tenants(running.platform).active()
    tenant.log_in().add_party("Survivor")
    before = running.list_containers()
    running.engine.kill()
    running.engine.start()
    wait_until(running.has_new_processes_after(before), seconds=BACK_SECONDS, what="new processes")
    tenant.wait_for("active", seconds=BACK_SECONDS)
    tenant.wait_seen(200)
    assert len(tenant.log_in().find_parties("Survivor")) == 1
    Tenants(running.platform).active().wait_seen(200)
    running.wait_healthy()
