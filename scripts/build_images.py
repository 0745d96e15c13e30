"""Builds the images of benches as the agent does, and those of our own programs; ``scripts/build-images`` calls it."""

import os
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.bootstrap import make_probe
from agent.config import Settings
from agent.engines.port import BenchSpec
from agent.engines.tryton.image_releases import ImageReleases
from agent.errors import AgentError
from agent.host.docker_connection import DockerConnection
from agent.host.docker_images import DockerImages
from scripts.bringup.state import ROOT
from scripts.stack.images import ProgramImages

DEFAULT_URL = "unix:///var/run/docker.sock"


def main() -> int:
    console = Console(stderr=True, soft_wrap=True)
    url = os.environ.get("DOCKER_HOST", DEFAULT_URL)
    table = Table(box=None, padding=(0, 2))
    for column in ("image", "MB", "seconds"):
        table.add_column(column, justify="left" if column == "image" else "right")
    with tempfile.TemporaryDirectory() as folder, closing(DockerConnection(url)) as connection:
        settings = Settings(data_dir=Path(folder), images_dir=ROOT / "images")
        images = DockerImages(connection)
        releases = ImageReleases(settings, images)
        probe = make_probe("tryton")
        bench = BenchSpec(
            bench_id="build",
            release="tryton",
            version=probe.engine_version,
            app_sets=probe.app_sets,
            memory_bytes=probe.memory_bytes,
        )
        try:
            started = time.monotonic()
            built = releases.ensure(bench, lambda line: console.print(line, style="dim", markup=False))
            seconds = time.monotonic() - started
            for name in (settings.base_image, releases.get(bench.version).image):
                image = images.find(name)
                size = f"{image.size_bytes / 1e6:.0f}" if image else "missing"
                table.add_row(name, size, f"{seconds:.0f}" if built and name != settings.base_image else "")
            programs = ProgramImages(images, base=settings.base_image, extra_ca=settings.extra_ca)
            for made in programs.ensure(lambda line: console.print(line, style="dim", markup=False)):
                took = "" if made.seconds is None else f"{made.seconds:.0f}"
                table.add_row(made.tag, f"{made.size_bytes / 1e6:.0f}", took)
        except AgentError as error:
            console.print(f"build-images: {error.message}", markup=False)
            return 1
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
