"""Benches in containers: a bench's own processes, the engine of Docker and Frappe's database server are killed."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from agent.executors.docker import OWNER_LABEL
from agent.host.docker_connection import DockerConnection
from agent.host.docker_containers import DockerContainers
from press_app.cli.output import note
from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.chaos.troubles.disk import set_own
from tests.e2e.platform import Platform, running
from tests.factories.docker_engine import Engine, docker_engine
from tests.factories.frappe import BUNDLE, FRAPPE, settle

KINDS = {"tryton": "Tryton in containers", "frappe": "Frappe"}
FAULTS = ("the bench killed", "Docker's engine killed", "its MariaDB killed")


def run(is_wanted: Callable[[str], bool], *, quick: bool) -> Iterator[Ending]:
    """On platforms of their own, one for each engine that runs in containers; never a part of a quick run."""
    if quick:
        return
    for engine, title in KINDS.items():
        names = {fault: f"{title}: {fault}" for fault in FAULTS if engine == "frappe" or fault != FAULTS[2]}
        if not any(map(is_wanted, names.values())):
            continue
        if engine == "frappe" and not os.environ.get(FRAPPE):
            note(f"Frappe is left out: {FRAPPE} names no git address.")
            continue
        try:
            yield from _hurt(engine, names, is_wanted)
        except pytest.skip.Exception as reason:
            note(f"{title} is left out: {reason}")


def _hurt(engine: str, names: dict[str, str], is_wanted: Callable[[str], bool]) -> Iterator[Ending]:
    with ExitStack() as stack:
        docker = stack.enter_context(docker_engine())
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="press-contained-")))
        arguments = settle(state, docker.url) if engine == "frappe" else _contain(state, docker)
        stack.callback(remove_all, docker, state)
        platform = stack.enter_context(running(state, *arguments))
        crew = Crew(platform, is_wanted)
        yield from endure(crew, names[FAULTS[0]], lambda: _kill_bench(docker, state))
        if docker.process is not None:
            yield from endure(crew, names[FAULTS[1]], partial(_kill_engine, docker))
        if engine == "frappe":
            yield from endure(crew, names[FAULTS[2]], partial(_kill_database, platform))


def _contain(state: Path, docker: Engine) -> list[str]:
    """Tell an installation to run its benches in containers."""
    set_own(state, "agent.env", PRESS_AGENT_EXECUTOR="docker", PRESS_AGENT_DOCKER_URL=docker.url)
    if BUNDLE.exists():
        set_own(state, "agent.env", PRESS_AGENT_EXTRA_CA=str(BUNDLE))
    return []


def _kill_bench(docker: Engine, state: Path) -> None:
    with closing(DockerConnection(docker.url)) as connection, connection.asking() as client:
        for container in client.containers.list(filters={"label": _label(state)}):
            os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)


def _kill_engine(docker: Engine) -> None:
    docker.kill()
    docker.start()


def _kill_database(platform: Platform) -> None:
    platform.kill("agent-mariadb")


def remove_all(docker: Engine, state: Path) -> None:
    """The benches of an installation that has ended."""
    with closing(DockerConnection(docker.url)) as connection:
        containers = DockerContainers(connection)
        for container in containers.list_labelled(_label(state)):
            containers.remove(container.name, stop_seconds=0)


def _label(state: Path) -> str:
    return f"{OWNER_LABEL}={state.resolve() / 'agent'}"
