"""Images of our own programs: each under the hash of what it is made of, built on the engine where it is not there yet."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import jinja2

from agent.errors import AgentError
from agent.host.docker_images import DockerImages
from agent.host.docker_values import Image
from scripts.bringup.engines import FRAPPE, TRYTON
from scripts.bringup.files import render_edge
from scripts.bringup.state import ROOT

BUILD_SECONDS = 1800.0
BASE_LABEL = "press.base"
KIND_LABEL = "press.kind"
KEPT = 2
"""How many of each are kept: what runs, and what ran before."""
IMAGES = ROOT / "images"
IGNORED = ("__pycache__", "node_modules")
PYTHON = "python"
EDGE_FILE = "/etc/traefik/traefik.yml"
EDGE_FOLDER = "/var/lib/press/edge/dynamic"


class BaseMissing(AgentError):
    """Nothing to build on."""

    code: ClassVar[str] = "base_image_missing"
    title: ClassVar[str] = "The base image is missing"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One image: its folder under ``images/``, and what the build sees beside that."""

    name: str
    files: Mapping[str, Path] = field(default_factory=dict)
    """Name in the build → file or folder of the tree."""
    texts: Mapping[str, str] = field(default_factory=dict)
    on_python: bool = False
    """Built on the image with Python and the packages instead of on the base."""
    has_build_stage: bool = False
    """Compiles in a stage of its own, whose layers are kept for the next build."""
    values: Mapping[str, bool] = field(default_factory=dict)
    """What its Dockerfile asks beside the usual."""
    needs_network: bool = False
    """Fetches packages over TLS, so that one more authority may have to be trusted."""

    @property
    def repository(self) -> str:
        return f"press/{self.name}"

    def gather(self) -> dict[str, bytes]:
        """The files that the build sees but for its Dockerfile, each under its name."""
        context = {name: text.encode() for name, text in self.texts.items()}
        own = {path.name: path for path in sorted((IMAGES / self.name).iterdir())}
        for name, path in {**own, **self.files}.items():
            if name.endswith((".md", ".j2")):
                continue
            context |= {name + inner: data for inner, data in _read(path)}
        return context

    @property
    def template(self) -> str:
        return (IMAGES / self.name / "Dockerfile.j2").read_text("utf-8")


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_file():
        yield "", path.read_bytes()
        return
    for inner in sorted(path.rglob("*")):
        if inner.is_file() and not any(part in IGNORED for part in inner.parts):
            yield f"/{inner.relative_to(path)}", inner.read_bytes()


def list_recipes(engine: str = TRYTON) -> tuple[Recipe, ...]:
    """All images of the platform's own programs, in the order in which they are built."""
    has_git = {"has_git": engine == FRAPPE}
    requirements = ROOT / "requirements"
    benches = {f"images/{path.name}": path for path in sorted(IMAGES.glob("bench-*"))}
    edge = render_edge(web_address=":8000", internal_address="127.0.0.1:8001", dynamic_dir=EDGE_FOLDER)
    return (
        Recipe(
            name=PYTHON,
            files={"requirements.txt": requirements / "programs.txt"},
            has_build_stage=True,
            needs_network=True,
        ),
        Recipe(
            name="control-plane",
            files={"press_app": ROOT / "press_app", "pages": ROOT / "traefik" / "pages"},
            on_python=True,
        ),
        Recipe(name="agent", files={"agent": ROOT / "agent", **benches}, values=has_git, on_python=True),
        Recipe(name="billing-bridge", files={"billing_bridge": ROOT / "billing_bridge"}, on_python=True),
        Recipe(
            name="edge",
            files={"requirements.txt": requirements / "edge.txt"},
            texts={"traefik.yml": edge},
            has_build_stage=True,
            needs_network=True,
        ),
        Recipe(name="mariadb"),
        Recipe(name="redis"),
    )


@dataclass(frozen=True)
class Built:
    """One image as it stands now."""

    name: str
    tag: str
    size_bytes: int
    seconds: float | None
    """None when it stood already."""


class ProgramImages:
    """Builds what is missing. ``base`` is the name of the image that all are built on."""

    def __init__(
        self, docker: DockerImages, *, base: str, extra_ca: Path | None = None, engine: str = TRYTON
    ) -> None:
        self._recipes = list_recipes(engine)
        self._docker = docker
        self._base = base
        self._extra_ca = extra_ca

    def ensure(self, on_line: Callable[[str], None]) -> list[Built]:
        """All images, built where they are not there or were built on another base.

        Raises :class:`BaseMissing`, ``image_build_failed`` and ``docker_disk_full``.
        """
        base = self._docker.find(self._base)
        if base is None:
            raise BaseMissing(
                f"The base image {self._base} is not on this engine. Nothing was built; pull it, or make it with "
                "scripts/make-base-image, then run this again."
            )
        built: list[Built] = []
        python = ""
        for recipe in self._recipes:
            built.append(self._ensure(recipe, base, python, on_line))
            python = python or built[0].tag
        return built

    def _ensure(self, recipe: Recipe, base: Image, python: str, on_line: Callable[[str], None]) -> Built:
        context = recipe.gather()
        on = python if recipe.on_python else ""
        tag = f"{recipe.repository}:{digest(recipe.template, context, on, recipe.values)}"
        found = self._docker.find(tag)
        if found is not None and found.labels.get(BASE_LABEL) == base.id:
            return Built(recipe.name, tag, found.size_bytes, None)
        started = time.monotonic()
        if recipe.needs_network and self._extra_ca is not None:
            context["extra-ca.crt"] = self._extra_ca.read_bytes()
        text = render(
            recipe.template,
            base=base.id,
            python=python,
            has_extra_ca="extra-ca.crt" in context,
            **recipe.values,
        )
        made = self._build(recipe, tag, context | {"Dockerfile": text.encode()}, base, on_line)
        return Built(recipe.name, tag, made.size_bytes, time.monotonic() - started)

    def _build(
        self,
        recipe: Recipe,
        tag: str,
        context: Mapping[str, bytes],
        base: Image,
        on_line: Callable[[str], None],
    ) -> Image:
        kinds = {tag: (recipe.repository, "")}
        if recipe.has_build_stage:
            # Under a name of its own, so that the next build finds its layers, and first, so that this one does.
            stage = f"{recipe.repository}-build"
            kinds = {f"{stage}:newest": (stage, "build"), **kinds}
        for name, (kind, target) in kinds.items():
            image = self._docker.build(
                context,
                tag=name,
                labels={BASE_LABEL: base.id, KIND_LABEL: kind},
                on_line=on_line,
                timeout_seconds=BUILD_SECONDS,
                target=target,
            )
            self._docker.prune(f"{KIND_LABEL}={kind}", keep=1 if target else KEPT, but=name)
        return image


def digest(
    template: str, context: Mapping[str, bytes], python: str, values: Mapping[str, bool] | None = None
) -> str:
    """What an image is called: the beginning of the hash of all that decides what is in it, but for the base."""
    total = hashlib.sha256(f"{template}\0{python}\0{json.dumps(dict(values or {}))}".encode())
    for name, data in sorted(context.items()):
        total.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return total.hexdigest()[:12]


def render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    return environment.from_string(template).render(**values)
