"""A stack of containers as a test sees it: made by ``scripts/init.sh`` from nothing, asked and hurt from outside."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.executors.docker import OWNER_LABEL
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from scripts.bringup.state import ROOT, Paths
from scripts.stack.compose import Compose, find_compose
from scripts.stack.secrets import AGENT
from scripts.stack.settings import Stack
from tests.e2e.platform import CACHE, Platform, choose_free_ports
from tests.factories.docker_engine import Engine
from tests.factories.processes import wait_until

BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
INIT_SECONDS = 2400
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

    @property
    def bench_label(self) -> str:
        """What the containers of this stack's benches bear."""
        return f"{OWNER_LABEL}={self.stack.dir / 'agent'}"

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

    def kill(self, containers: list[dict[str, Any]]) -> None:
        """End each as the kernel would, and wait until all run again."""
        for container in containers:
            os.kill(container["State"]["Pid"], signal.SIGKILL)
        wait_until(self.has_new_processes_after(containers), seconds=BACK_SECONDS, what="new processes")

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
    # Those of Frappe are databases of a server; here are only notes of them.
    for kept in CACHE.glob("templates-*"):
        if kept.name.startswith("templates-frappe"):
            continue
        shutil.copytree(kept, releases / kept.name)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, AGENT, AGENT)


@contextmanager
def running_stack(docker: Engine, state: Path, *arguments: str, extra_ca: Path = BUNDLE) -> Iterator[Running]:
    """A stack from nothing but an engine and four answers; ``arguments`` go to ``init.sh``."""
    # A folder that others may walk through, as /var/lib is: programs in containers are not who runs the test.
    for folder in (state, *state.parents[:2]):
        folder.chmod(0o755)
    made = Running(docker, state, make_answers(docker, state, extra_ca))
    made.env_file.write_text(made.stack.format(), "utf-8")
    bring_templates(made.stack.dir / "agent")
    try:
        done = made.init(*arguments)
        assert done.returncode == 0, done.stderr
        sys.stdout.write(done.stderr)
        yield made
    finally:
        made.compose.run("--profile", "*", "down", "--volumes", "--timeout", "10")
        with closing(DockerConnection(docker.url)) as connection:
            containers = DockerContainers(connection)
            for container in containers.list_labelled(made.bench_label):
                containers.remove(container.name, stop_seconds=0)


def make_answers(docker: Engine, state: Path, extra_ca: Path) -> Stack:
    ports: dict[str, Any] = dict(choose_free_ports(PORTS))
    return Stack(
        _env_file=None,
        compose_project_name=f"press-test-{secrets.token_hex(3)}",
        domain="localhost",
        email="operator@localhost.localdomain",
        dns_provider="none",
        object_store=f"folder:{state}/backups",
        dir=state / "data",
        network="10.213.7",
        docker_socket=docker.url.removeprefix("unix://"),
        extra_ca=str(extra_ca) if extra_ca.exists() else "",
        **ports,
    ).derive()
