"""When an image is built, and when it is left alone; a recipe of three lines instead of Tryton's."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.config import Settings
from agent.engines.tryton.image_releases import ImageReleases
from agent.errors import AgentError
from agent.host.docker_connection import DockerConnection
from agent.host.docker_images import DockerImages
from tests.agent.engines.tryton.deployed import make_bench
from tests.factories.docker_engine import BASE_IMAGE, docker_engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
VERSION = "0.0.1"
BASE = "press/test-base:newest"
DOCKERFILE = (
    "FROM {{ base }} AS build\nRUN echo made > /made\nFROM {{ base }}\nCOPY --from=build /made /made\n"
)


@pytest.fixture
def connection() -> Iterator[DockerConnection]:
    with docker_engine() as engine, closing(DockerConnection(engine.url)) as made:
        with made.asking() as client:
            client.images.get(BASE_IMAGE).tag(BASE)
        yield made


def make_releases(connection: DockerConnection, folder: Path) -> ImageReleases:
    image = folder / "images" / "bench-tryton"
    for name, text in {
        "Dockerfile.j2": DOCKERFILE,
        "requirements.txt": f"trytond=={VERSION}",
        "build-requirements.txt": "",
        "web/package.json": "{}",
        "web/package-lock.json": "{}",
        "web/.npmrc": "",
        "bench_tryton/serve.py": "",
    }.items():
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        (image / name).write_text(text)
    settings = Settings(data_dir=folder / "agent", images_dir=folder / "images", base_image=BASE)
    return ImageReleases(settings, DockerImages(connection))


def test_it_is_built_once_and_again_on_another_base(connection: DockerConnection, tmp_path: Path) -> None:
    releases, bench, said = make_releases(connection, tmp_path), make_bench(version=VERSION), list[str]()
    name = releases.get(VERSION).image
    assert releases.ensure(bench, said.append) is True
    assert releases.ensure(bench, said.append) is False
    first = DockerImages(connection).find(name)
    newer = {"Dockerfile": f"FROM {BASE_IMAGE}\nENV NEWER=1\n".encode()}
    DockerImages(connection).build(newer, tag=BASE, labels={}, on_line=said.append, timeout_seconds=60)
    assert releases.ensure(bench, said.append) is True
    second = DockerImages(connection).find(name)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert any("built anew" in line for line in said)
    with connection.asking() as client:
        client.images.remove(name)


def test_without_a_base_it_says_how_to_get_one(connection: DockerConnection, tmp_path: Path) -> None:
    with connection.asking() as client:
        client.images.remove(BASE)
    with pytest.raises(AgentError, match="make-base-image") as caught:
        make_releases(connection, tmp_path).ensure(make_bench(version=VERSION), print)
    assert caught.value.code == "image_missing"
