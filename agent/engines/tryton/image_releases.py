"""Releases as images of the host's Docker engine."""

from pathlib import Path

import jinja2

from agent.config import Settings
from agent.engines.port import BenchSpec, Progress
from agent.engines.tryton.recipe import Recipe, digest
from agent.engines.tryton.release import Release
from agent.host import files
from agent.host.docker_errors import ImageMissing
from agent.host.docker_images import DockerImages
from agent.host.docker_values import Image
from agent.host.locks import file_lock

BUILD_SECONDS = 1800.0
REPOSITORY = "press/bench-tryton"
KEPT_IMAGES = 3
HOME = Path("/opt/bench")
"""Where the programs stand inside."""
BASE_LABEL = "press.base"
KIND_LABEL = "press.kind"
BUILD_KIND = f"{REPOSITORY}-build"
WEB_FILES = ("package.json", "package-lock.json", ".npmrc")


class ImageReleases:
    """Builds one image a release, under the hash of what it is made of; templates stand on the host."""

    def __init__(self, settings: Settings, docker: DockerImages) -> None:
        self._docker = docker
        self._base = settings.base_image
        self._extra_ca = settings.extra_ca
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
            image=f"{REPOSITORY}:{version}-{self._digest()}",
        )

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        """Build the image; instant where it stands. Returns whether anything was done.

        Raises ``image_missing`` for the base, ``image_build_failed`` and ``docker_disk_full``.
        """
        release = self.get(bench.version)
        files.make_directory(release.templates)
        with file_lock(self._folder / ".image.lock", timeout_seconds=BUILD_SECONDS):
            base = self._docker.find(self._base)
            if base is None:
                raise ImageMissing(
                    f"The base image {self._base} is not on this host. Nothing was built; pull it, or make it with "
                    "scripts/make-base-image, then repeat the job."
                )
            present = self._docker.find(release.image)
            if present is not None and present.labels.get(BASE_LABEL) == base.id:
                return False
            if present is not None:
                progress(
                    f"{self._base} is another one than {release.image} was built on, so it is built anew"
                )
            self._build(release.image, base, progress)
        return True

    def _build(self, tag: str, base: Image, progress: Progress) -> None:
        labels = {BASE_LABEL: base.id, KIND_LABEL: REPOSITORY}
        context = self._gather(base.id)
        # The stage that compiles has a name of its own, so that the next build finds its layers, and only that one's.
        for name, target, kind in (
            (f"{REPOSITORY}-build:newest", "build", BUILD_KIND),
            (tag, "", REPOSITORY),
        ):
            built = self._docker.build(
                context,
                tag=name,
                labels={**labels, KIND_LABEL: kind},
                on_line=progress,
                timeout_seconds=BUILD_SECONDS,
                target=target,
            )
        progress(f"{tag} is {built.id}, {built.size_bytes / 1e6:.0f} MB")
        self._docker.prune(f"{KIND_LABEL}={BUILD_KIND}", keep=1)
        for gone in self._docker.prune(f"{KIND_LABEL}={REPOSITORY}", keep=KEPT_IMAGES):
            progress(f"{gone} was removed: it is older than the newest {KEPT_IMAGES}, and no bench runs it")

    def _digest(self) -> str:
        recipe = self._recipe
        web = [recipe.folder / "web" / name for name in WEB_FILES]
        fixed = [recipe.folder / name for name in ("Dockerfile.j2", "build-requirements.txt")]
        return digest([recipe.requirements, *fixed, *web, *recipe.list_program()])

    def _gather(self, base: str) -> dict[str, bytes]:
        """The files that the build sees, and nothing else."""
        folder = self._recipe.folder
        paths = [
            folder / "requirements.txt",
            folder / "build-requirements.txt",
            *(folder / "web" / name for name in WEB_FILES),
            *self._recipe.list_program(),
        ]
        context = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
        if self._extra_ca is not None:
            context["extra-ca.crt"] = self._extra_ca.read_bytes()
        template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(  # noqa: S701 - no page
            (folder / "Dockerfile.j2").read_text("utf-8")
        )
        text = template.render(base=base, has_extra_ca=self._extra_ca is not None)
        return context | {"Dockerfile": text.encode()}
