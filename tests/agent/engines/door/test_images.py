"""Images of benches between hosts: what one has built, another fetches from a real registry."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from agent.config import Settings
from agent.engines.door.images import BenchImages
from agent.host.docker_connection import DockerConnection
from agent.host.docker_errors import RegistryFailed
from agent.host.docker_images import DockerImages
from tests.agent.support import free_port, running, wait_until
from tests.factories.docker_engine import docker_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@dataclass
class Host:
    """One agent's images, and all that it said."""

    images: BenchImages
    docker: DockerImages
    template: Path
    said: list[str]

    def ensure(self, tag: str) -> bool:
        return self.images.ensure(tag, self.template, dict, self.said.append)


@pytest.fixture(scope="module")
def docker() -> Iterator[DockerConnection]:
    with docker_engine() as engine, closing(DockerConnection(engine.url)) as connection:
        yield connection


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed (Debian: docker-registry)")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    (folder / "config.yml").write_text(CONFIG.format(folder=folder / "data", port=port))
    with running(("docker-registry", "serve", str(folder / "config.yml")), folder / "log"):
        wait_until(lambda: _answers(port), what="the registry does not answer")
        yield f"127.0.0.1:{port}/benches"


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=5).ok
    except requests.RequestException:
        return False


def make_host(docker: DockerConnection, folder: Path, registry: str) -> Host:
    folder.mkdir()
    (folder / "Dockerfile.j2").write_text(
        f"FROM {{{{ base }}}} AS build\nLABEL made={folder.name}\nFROM {{{{ base }}}}\n"
    )
    images = DockerImages(docker)
    settings = Settings(data_dir=folder, registry=registry)
    return Host(BenchImages(settings, images, "test-registry"), images, folder / "Dockerfile.j2", [])


def forget(docker: DockerConnection, *tags: str) -> None:
    with docker.asking() as client:
        for tag in tags:
            client.images.remove(tag, force=True)


def test_what_one_host_has_built_another_fetches(
    docker: DockerConnection, registry: str, tmp_path: Path
) -> None:
    tag = f"press/test-registry:{uuid.uuid4().hex[:8]}"
    first, second = (make_host(docker, tmp_path / name, registry) for name in ("first", "second"))
    assert first.ensure(tag)
    assert first.said[-1] == f"Pushed {registry}/{tag}"
    built = first.docker.find(tag)
    forget(docker, tag, f"{registry}/{tag}")
    assert second.ensure(tag)
    assert [line.split()[0] for line in second.said] == ["Fetched"]
    fetched = second.docker.find(tag)
    assert fetched is not None
    assert built is not None
    assert fetched.id == built.id
    assert not second.ensure(tag)
    forget(docker, tag, f"{registry}/{tag}")


def test_a_registry_that_is_away_is_said_and_what_was_built_stays(
    docker: DockerConnection, tmp_path: Path
) -> None:
    tag = f"press/test-registry:{uuid.uuid4().hex[:8]}"
    host = make_host(docker, tmp_path / "alone", f"127.0.0.1:{free_port()}/benches")
    with pytest.raises(RegistryFailed, match="could not be exchanged"):
        host.ensure(tag)
