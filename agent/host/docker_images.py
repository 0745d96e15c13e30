"""Images on the Docker engine of this host: found, built, pruned."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, ImageNotFound, NotFound

from agent.host.docker_connection import DockerConnection
from agent.host.docker_errors import explain_build, explain_registry
from agent.host.docker_values import Image, pack, read_image


class DockerImages:
    """The few things that we ask of the engine about images."""

    def __init__(self, connection: DockerConnection) -> None:
        self._connection = connection

    def find(self, reference: str) -> Image | None:
        """An image by name or id; None when the engine does not have it."""
        with self._connection.asking() as client:
            try:
                found = client.images.get(reference)
            except ImageNotFound:
                return None
            return read_image(found.id, found.attrs, found.attrs["Config"].get("Labels"))

    def build(
        self,
        context: Mapping[str, bytes | Path],
        *,
        tag: str,
        labels: Mapping[str, str],
        on_line: Callable[[str], None],
        timeout_seconds: float,
        target: str = "",
        scratch: Path | None = None,
    ) -> Image:
        """Build an image from files, ``Dockerfile`` among them, and tell each line of output.

        ``scratch`` is a folder with room for all of them.

        Raises ``image_build_failed`` with the end of the output, and ``docker_disk_full``.
        """
        lines: list[str] = []
        with self._connection.asking() as client, pack(context, scratch) as packed:
            stream = client.api.build(
                fileobj=packed,
                custom_context=True,
                tag=tag,
                labels=dict(labels),
                rm=True,
                forcerm=True,
                decode=True,
                timeout=timeout_seconds,
                target=target or None,
            )
            failure = ""
            for part in stream:
                failure = failure or part.get("error", "")
                for line in part.get("stream", "").splitlines():
                    if line.strip():
                        lines.append(line)
                        on_line(line)
        if failure:
            raise explain_build(tag, failure, lines)
        image = self.find(tag)
        if image is None:
            raise explain_build(tag, "the engine does not have what it built", lines)
        return image

    def pull(self, reference: str, tag: str) -> Image | None:
        """Fetch an image from a registry and give it a name here; None when the registry does not have it.

        Raises ``registry_failed``.
        """
        repository, _, name = reference.rpartition(":")
        with self._connection.asking() as client:
            try:
                client.images.pull(repository, tag=name).tag(tag)
            except NotFound:
                return None
            except APIError as error:
                raise explain_registry(reference, str(error.explanation)) from error
        return self.find(tag)

    def push(self, tag: str, reference: str) -> None:
        """Put an image into a registry. Raises ``registry_failed``."""
        repository, _, name = reference.rpartition(":")
        with self._connection.asking() as client:
            client.images.get(tag).tag(repository, tag=name)
            failure = ""
            for part in client.api.push(repository, tag=name, stream=True, decode=True):
                failure = failure or part.get("error", "")
        if failure:
            raise explain_registry(reference, failure)

    def prune(self, label: str, *, keep: int, but: str) -> list[str]:
        """Remove all but ``but`` and the newest ``keep`` images that bear the label, and those without a name.

        One that a container was made from stays, by all its names: an engine gives a name away while another is left. An image made from layers of long ago is as old as they are, so what is needed
        now is named. Returns the names that are gone.
        """
        with self._connection.asking() as client:
            client.images.prune(filters={"dangling": True, "label": label})
            found = [image for image in client.images.list(filters={"label": label}) if image.tags]
            newest = sorted(found, key=lambda image: str(image.attrs["Created"]), reverse=True)
            used = {str(one["ImageID"]) for one in client.api.containers(all=True)}
            unused = [image for image in newest[keep:] if image.id not in used]
            old = [tag for image in unused for tag in image.tags if tag != but]
            return [tag for tag in old if _is_removed(client, tag)]


def _is_removed(client: Any, tag: str) -> bool:
    try:
        client.images.remove(tag)
    except ImageNotFound:
        return False
    except APIError as error:
        if error.status_code == requests.codes.conflict:
            return False
        raise
    return True
