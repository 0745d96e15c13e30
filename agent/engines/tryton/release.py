"""A release as the rest of the engine sees it, however its programs came to this host."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.engines.port import BenchSpec, Progress
from agent.executors.port import ProgramSpec


@dataclass(frozen=True, kw_only=True)
class Release:
    """Where its programs stand for whoever runs them."""

    python: Path
    """The interpreter that has Tryton; inside the image when there is one."""
    web_root: Path
    """What browsers read; likewise."""
    templates: Path
    """Always on the host: sites are cloned from it."""
    environment: Mapping[str, str]
    """All that its programs see of the world; none of the agent's own settings."""
    image: str = ""
    """The image with its programs; empty when they stand on the host."""


def recall(program: ProgramSpec) -> Release:
    """Return the release that a bench's program is of: what it was deployed with, whatever the agent brings today."""
    argv = program.argv
    return Release(
        python=Path(argv[0]),
        web_root=Path(argv[argv.index("--web-root") + 1]),
        templates=Path(argv[argv.index("--templates") + 1]),
        environment=program.environment,
        image=program.image,
    )


class Releases(Protocol):
    """Makes and finds releases."""

    def get(self, version: str) -> Release:
        """Return where the release stands or will stand. Raises ``release_unknown``."""

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        """Install the programs; instant where they stand. Returns whether anything was done."""
