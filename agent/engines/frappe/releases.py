"""Releases as images: the apps' code at its commits, with what it asks for, built under a name that says all of it."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from agent.config import Settings
from agent.engines.door.images import BenchImages, Context
from agent.engines.door.recipe import digest, list_code
from agent.engines.errors import AppUnknown
from agent.engines.port import BenchSpec, Progress, Source
from agent.errors import AgentError
from agent.host import files
from agent.host.docker_images import DockerImages
from agent.host.git import GitStore

FRAPPE = "frappe"
KIND = "templates-frappe"
"""What the names of folders with notes of templates begin with; the code and the hash of their makers follow."""
BASE_APP = "base"
NO_TAG = re.compile(r"[^A-Za-z0-9._-]")
ERP = "erpnext"
MANIFESTS = ("pyproject.toml", "requirements.txt", "package.json", "yarn.lock")
CONSTRAINTS = b"setuptools<81\n"
"""Newer ones have no pkg_resources, without which Frappe 15 stops half-way through making a site."""
BUILD_FILES = (
    "build-requirements.txt",
    *(f"build/{name}" for name in ("package.json", "package-lock.json", ".npmrc")),
    "bin/wkhtmltopdf",
    *(f"build/{name}.py" for name in ("requirements", "packages", "assemble")),
)
TEMPLATE_MAKERS = frozenset(
    {"apps.py", "blank.py", "template.py", "home.py", "opened.py", "prepare.py", "layout.py"}
)


class ReleaseIncomplete(AgentError):
    """A release that no bench can be made of."""

    code: ClassVar[str] = "release_incomplete"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The release cannot be built"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What a bench runs from."""

    image: str
    code: str
    """Says which code of which apps it is."""
    sources: tuple[Source, ...]
    templates: Path
    """Notes of the templates that were made with it."""

    @property
    def held(self) -> tuple[str, ...]:
        """Frappe's names of its apps, its own first."""
        return tuple(source.app for source in self.sources)

    def name(self, installed: Sequence[str]) -> tuple[str, ...]:
        """The product's names of what is installed: ERPNext is ``base``, and so is Frappe where there is nothing else."""
        named = [BASE_APP if app == ERP else app for app in self.held if app in installed and app != FRAPPE]
        has_base = ERP in installed or ERP not in self.held
        return (BASE_APP if has_base else FRAPPE, *(app for app in named if app != BASE_APP))

    def expand(self, apps: Sequence[str]) -> tuple[str, ...]:
        """The apps to install in the release's own order, without frappe itself, which every site has.

        ``base`` is the ERP where the release holds one. Raises :class:`AppUnknown`.
        """
        held = self.held
        wanted = {FRAPPE, *apps} - {BASE_APP}
        if BASE_APP in apps and ERP in held:
            wanted.add(ERP)
        unknown = sorted(wanted - set(held))
        if unknown:
            raise AppUnknown(
                f"The release has no app {', '.join(unknown)}; it has {', '.join(held)}. Nothing was changed; correct the plan."
            )
        return tuple(app for app in held if app in wanted and app != FRAPPE)


class FrappeReleases:
    """Builds one image a release. Code is fetched on the host, so that no build and no image has a key to it."""

    def __init__(self, settings: Settings, docker: DockerImages) -> None:
        self._images = BenchImages(settings, docker, "bench-frappe")
        self._recipe = (settings.images_dir / "bench-frappe").resolve()
        self._door = (settings.images_dir / "bench-door").resolve()
        self.folder = settings.data_dir.resolve() / "releases"
        self._git = GitStore(self.folder / "sources.git", settings.extra_ca)

    def get(self, version: str, sources: tuple[Source, ...], base: str = "") -> Release:
        """Return what the release is or will be. Raises :class:`ReleaseIncomplete`."""
        if not sources or sources[0].app != FRAPPE:
            raise ReleaseIncomplete(
                "A release of Frappe names the code of its apps, frappe first. Nothing was built; add the release with "
                "--app frappe=<git address>@<commit>."
            )
        code = hashlib.sha256(json.dumps([asdict(source) for source in sources]).encode()).hexdigest()[:12]
        tag = NO_TAG.sub("-", version)
        makers = [path for path in self._list_program() if path.name in TEMPLATE_MAKERS]
        return Release(
            image=f"{self._images.repository}:{tag}-{digest(self._list_recipe(), code + base)}",
            code=code,
            sources=sources,
            templates=self.folder / f"{KIND}-{code}-{digest(makers)}",
        )

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        """Fetch the code and build the image; instant where it stands. Returns whether anything was done.

        Raises ``source_unavailable``, ``image_missing`` for the base, ``image_build_failed`` and ``docker_disk_full``.
        """
        release = self.get(bench.version, bench.sources, bench.base)
        files.make_directory(release.templates)
        for source in bench.sources:
            if self._git.ensure(source.url, source.commit):
                progress(f"Fetched {source.app} at {source.commit[:12]}")
        return self._images.ensure(
            release.image,
            self._recipe / "Dockerfile.j2",
            self._gatherer(bench),
            progress,
            base=bench.base,
            apps=[source.app for source in bench.sources],
        )

    def _gatherer(self, bench: BenchSpec) -> Callable[[], Context]:
        def gather() -> Context:
            context: dict[str, bytes | Path] = {
                name: (self._recipe / name).read_bytes() for name in BUILD_FILES
            }
            context["manifests/constraints.txt"] = CONSTRAINTS
            context["apps.json"] = json.dumps([asdict(source) for source in bench.sources]).encode()
            for path in self._list_program():
                root = self._recipe if path.is_relative_to(self._recipe) else self._door
                context[str(path.relative_to(root))] = path.read_bytes()
            for source in bench.sources:
                archive = self.folder / f"{source.commit}.tar"
                self._git.export(source.commit, archive)
                context[f"sources/{source.app}.tar"] = archive
                for name in MANIFESTS:
                    text = self._git.read(source.commit, name)
                    if text is not None:
                        context[f"manifests/{source.app}/{name}"] = text
            return context

        return gather

    def _list_program(self) -> list[Path]:
        return [*list_code(self._recipe / "bench_frappe"), *list_code(self._door / "bench_door")]

    def _list_recipe(self) -> list[Path]:
        return [
            self._recipe / "Dockerfile.j2",
            *(self._recipe / name for name in BUILD_FILES),
            *self._list_program(),
        ]
