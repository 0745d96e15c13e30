"""Images of benches: built under a name that says what they are made of, kept for a while, pruned."""

from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2

from agent.config import Settings
from agent.engines.port import Progress
from agent.host import files
from agent.host.docker_errors import ImageMissing
from agent.host.docker_images import DockerImages
from agent.host.docker_values import Image
from agent.host.locks import file_lock

BUILD_SECONDS = 3600.0
KEPT_IMAGES = 3
BASE_LABEL = "press.base"
KIND_LABEL = "press.kind"
Context = Mapping[str, bytes | Path]
"""The files that a build sees, and nothing else."""


class BenchImages:
    """All images of one kind of bench on this host."""

    def __init__(self, settings: Settings, docker: DockerImages, kind: str) -> None:
        self._docker = docker
        self._base = settings.base_image
        self._extra_ca = settings.extra_ca
        self._registry = settings.registry
        self._folder = settings.data_dir.resolve() / "releases"
        self.repository = f"press/{kind}"

    def ensure(
        self,
        tag: str,
        template: Path,
        gather: Callable[[], Context],
        progress: Progress,
        base: str = "",
        **values: object,
    ) -> bool:
        """Build the image from a Dockerfile template (``values`` go into it) and its context; instant where it stands on the same base
        (the agent's own where none is named).

        Where a registry is configured, what stands there is fetched instead, and what is built goes there.

        Raises ``image_missing`` for the base, ``image_build_failed``, ``registry_failed`` and ``docker_disk_full``.
        """
        files.make_directory(self._folder)
        with file_lock(self._folder / ".image.lock", timeout_seconds=BUILD_SECONDS):
            named = base or self._base
            found = self._docker.find(named)
            if found is None:
                raise ImageMissing(
                    f"The base image {named} is not on this host. Nothing was built; pull it, or make it with "
                    "scripts/make-base-image, then repeat the job."
                )
            present = self._docker.find(tag)
            if present is not None and present.labels.get(BASE_LABEL) == found.id:
                return False
            if self._registry and self._fetch(tag, present, progress):
                return present is None
            if present is not None:
                progress(f"{named} is another one than {tag} was built on, so it is built anew")
            self._build(tag, found, {**gather(), **self._render(template, found.id, values)}, progress)
            if self._registry:
                self._docker.push(tag, f"{self._registry}/{tag}")
                progress(f"Pushed {self._registry}/{tag}")
        return True

    def _fetch(self, tag: str, present: Image | None, progress: Progress) -> bool:
        """What stands in the registry is what all hosts run, whatever base each of them has."""
        if present is not None:
            return True
        fetched = self._docker.pull(f"{self._registry}/{tag}", tag)
        if fetched is not None:
            progress(f"Fetched {self._registry}/{tag}, {fetched.size_bytes / 1e6:.0f} MB")
        return fetched is not None

    def _build(self, tag: str, base: Image, context: Context, progress: Progress) -> None:
        stages = f"{self.repository}-build"
        # The stage that compiles has a name of its own, so that the next build finds its layers, and only that one's.
        for name, target, kind in ((f"{stages}:newest", "build", stages), (tag, "", self.repository)):
            built = self._docker.build(
                context,
                tag=name,
                labels={BASE_LABEL: base.id, KIND_LABEL: kind},
                on_line=progress,
                timeout_seconds=BUILD_SECONDS,
                target=target,
                scratch=self._folder,
            )
        progress(f"{tag} is {built.id}, {built.size_bytes / 1e6:.0f} MB")
        self._docker.prune(f"{KIND_LABEL}={stages}", keep=1, but="")
        for gone in self._docker.prune(f"{KIND_LABEL}={self.repository}", keep=KEPT_IMAGES, but=tag):
            progress(f"{gone} was removed: it is older than the newest {KEPT_IMAGES}, and no bench runs it")

    def _render(self, template: Path, base: str, values: Mapping[str, object]) -> dict[str, bytes]:
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - no page
        text = environment.from_string(template.read_text("utf-8")).render(
            base=base, has_extra_ca=self._extra_ca is not None, **values
        )
        added = {} if self._extra_ca is None else {"extra-ca.crt": self._extra_ca.read_bytes()}
        return {"Dockerfile": text.encode(), **added}
