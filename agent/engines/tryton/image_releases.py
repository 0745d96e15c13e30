"""Releases as images of the host's Docker engine."""

from pathlib import Path

from agent.config import Settings
from agent.engines.door.images import BenchImages, Context
from agent.engines.door.recipe import digest
from agent.engines.port import BenchSpec, Progress
from agent.engines.tryton.recipe import Recipe
from agent.engines.tryton.release import Release
from agent.host import files
from agent.host.docker_images import DockerImages

HOME = Path("/opt/bench")
"""Where the programs stand inside."""
WEB_FILES = ("package.json", "package-lock.json", ".npmrc")


class ImageReleases:
    """Builds one image a release, under the hash of what it is made of; templates stand on the host."""

    def __init__(self, settings: Settings, docker: DockerImages) -> None:
        self._images = BenchImages(settings, docker, "bench-tryton")
        self._recipe = Recipe(settings.images_dir)
        self._folder = settings.data_dir.resolve() / "releases"

    def get(self, version: str) -> Release:
        """Return where the release stands or will stand. Raises ``release_unknown``."""
        self._recipe.check(version)
        return Release(
            python=HOME / "venv/bin/python",
            web_root=HOME / "web",
            templates=self._folder / self._recipe.name_templates(version),
            environment={
                "LANG": "C.UTF-8",
                "HOME": "/tmp",  # noqa: S108 - inside the container, which has one of its own
                "USER": "tryton",
                "PYTHONPATH": str(HOME / "app"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MALLOC_ARENA_MAX": "2",
            },
            image=f"{self._images.repository}:{version}-{self._digest()}",
        )

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        """Build the image; instant where it stands. Returns whether anything was done.

        Raises ``image_missing`` for the base, ``image_build_failed`` and ``docker_disk_full``.
        """
        release = self.get(bench.version)
        files.make_directory(release.templates)
        return self._images.ensure(
            release.image, self._recipe.folder / "Dockerfile.j2", self._gather, progress
        )

    def _digest(self) -> str:
        recipe = self._recipe
        web = [recipe.folder / "web" / name for name in WEB_FILES]
        fixed = [recipe.folder / name for name in ("Dockerfile.j2", "build-requirements.txt")]
        return digest([recipe.requirements, *fixed, *web, *recipe.list_program()])

    def _gather(self) -> Context:
        recipe = self._recipe
        named = ["requirements.txt", "build-requirements.txt", *(f"web/{name}" for name in WEB_FILES)]
        program = {str(recipe.place(path)): path.read_bytes() for path in recipe.list_program()}
        return {name: (recipe.folder / name).read_bytes() for name in named} | program
