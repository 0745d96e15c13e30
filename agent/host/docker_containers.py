"""Containers on the Docker engine of this host; they outlive the agent."""

from contextlib import suppress
from typing import Any

import requests
from docker.errors import ImageNotFound, NotFound

from agent.host.docker_connection import DockerConnection
from agent.host.docker_errors import ImageMissing, is_timeout
from agent.host.docker_values import Container, ContainerSpec, Usage, describe, read_container
from agent.host.shell import TAIL_LINES, CommandFailed

LOG_LINES = 400
NANOSECONDS = 10**9
NEXT = "-next"
"""At the end of the name of a container that is made and does not run yet."""
PAUSED = "paused"


class DockerContainers:
    """The few things that we ask of the engine about containers."""

    def __init__(self, connection: DockerConnection) -> None:
        self._connection = connection

    def run_once(self, spec: ContainerSpec, *, timeout_seconds: float) -> str:
        """Run a command to its end, without a network; returns what it wrote to standard output.

        Raises ``command_failed`` with the end of all output when it fails or takes longer.
        """
        with self._connection.asking() as client:
            self._forget(client, spec.name, 0)
            container = client.containers.create(**describe(spec), network_mode="none")
            status: int | None = None
            try:
                container.start()
                try:
                    status = int(container.wait(timeout=timeout_seconds)["StatusCode"])
                except (requests.ReadTimeout, requests.ConnectionError) as error:
                    if not is_timeout(error):
                        raise
                if status == 0:
                    return str(container.logs(stdout=True, stderr=False).decode(errors="replace"))
                tail = container.logs(tail=TAIL_LINES).decode(errors="replace").strip()
                container.reload()
                if read_container(container.attrs).is_out_of_memory:
                    tail += f"\n[it was killed: it needed more memory than its limit of {spec.memory_bytes >> 20} MB]"
            finally:
                self._forget(client, spec.name, 0)
        raise CommandFailed(spec.argv, status, tail)

    def start(self, spec: ContainerSpec) -> None:
        """Run a container in a network of its own, from now on and after each restart of the engine.

        One of the same name runs until the new one is made; only then is it stopped and removed. Raises ``image_missing``.
        """
        with self._connection.asking() as client:
            network = self._find_network(client, spec.name) or client.networks.create(
                spec.name, driver="bridge", labels=dict(spec.labels)
            )
            made = f"{spec.name}{NEXT}"
            self._forget(client, made, 0)
            try:
                container = client.containers.create(
                    **{**describe(spec), "name": made},
                    network=network.name,
                    ports={f"{port}/tcp": ("127.0.0.1", port) for port in spec.ports},
                    restart_policy={"Name": "unless-stopped"},
                )
            except ImageNotFound as error:
                raise ImageMissing(
                    f"The image {spec.image} is not on this host. Nothing was started or stopped; deploy the bench again."
                ) from error
            self._forget(client, spec.name, spec.stop_seconds)
            container.rename(spec.name)
            container.start()

    def resume(self, name: str) -> None:
        """Let a container run that was stopped or paused."""
        with self._connection.asking() as client:
            container = client.containers.get(name)
            if container.status == PAUSED:
                container.unpause()
            else:
                container.start()

    def find(self, name: str) -> Container | None:
        """What the engine knows of a container."""
        with self._connection.asking() as client:
            try:
                return read_container(client.containers.get(name).attrs)
            except NotFound:
                return None

    def list_labelled(self, label: str) -> list[Container]:
        """All containers that bear the label (``name=value``), running or not."""
        with self._connection.asking() as client:
            found = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
            return [read_container(container.attrs) for container in found]

    def stop(self, name: str, *, stop_seconds: int) -> None:
        """Stop a container that stays; it does not come back by itself."""
        with self._connection.asking() as client, suppress(NotFound):
            client.containers.get(name).stop(timeout=stop_seconds)

    def remove(self, name: str, *, stop_seconds: int) -> bool:
        """Stop a container and remove it with its network. Returns whether there was any of it."""
        with self._connection.asking() as client:
            self._forget(client, f"{name}{NEXT}", 0)
            had = self._forget(client, name, stop_seconds)
            network = self._find_network(client, name)
            if network is not None:
                network.remove()
        return had or network is not None

    def measure(self, name: str) -> Usage:
        """What the container takes now; its memory is what it cannot do without, files that can be read again are not in it."""
        with self._connection.asking() as client:
            try:
                said = client.api.stats(name, stream=False, one_shot=True)
            except NotFound:
                return Usage()
        memory = said.get("memory_stats") or {}
        details = memory.get("stats") or {}
        cached = details.get("total_inactive_file", details.get("inactive_file", 0))
        processor = (said.get("cpu_stats") or {}).get("cpu_usage") or {}
        return Usage(
            memory_bytes=max(0, int(memory.get("usage", 0)) - int(cached)),
            processor_seconds=int(processor.get("total_usage", 0)) / NANOSECONDS,
            processes=int((said.get("pids_stats") or {}).get("current", 0)),
        )

    def read_log(self, name: str, max_bytes: int) -> str:
        """The end of what it printed, of its present life and of those before."""
        with self._connection.asking() as client:
            try:
                said = client.containers.get(name).logs(tail=LOG_LINES)
            except NotFound:
                return ""
        return str(said[-max_bytes:].decode(errors="replace"))

    def _forget(self, client: Any, name: str, stop_seconds: int) -> bool:
        try:
            container = client.containers.get(name)
            if stop_seconds and container.attrs["State"]["Running"]:
                container.stop(timeout=stop_seconds)
            container.remove(force=True, v=True)
        except NotFound:
            return False
        return True

    def _find_network(self, client: Any, name: str) -> Any:
        return next((one for one in client.networks.list(names=[name]) if one.name == name), None)
