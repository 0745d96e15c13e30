"""Code by its commit: fetched once into a store of bare repositories, exported as archives without history."""

import re
from pathlib import Path
from typing import ClassVar

from agent.errors import AgentError
from agent.host import files, shell
from agent.host.locks import file_lock

FETCH_SECONDS = 900.0
COMMIT = re.compile(r"[0-9a-f]{40}")
AUTHORITIES = Path("/etc/ssl/certs")
"""Where Debian keeps those that everybody trusts."""


class SourceUnavailable(AgentError):
    """The code of an app cannot be had."""

    code: ClassVar[str] = "source_unavailable"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The app's code cannot be fetched"


def trust(extra_ca: Path | None) -> dict[str, str]:
    """What git is told so that it trusts one more certificate authority: a file of its own alone would replace the others."""
    return {} if extra_ca is None else {"GIT_SSL_CAINFO": str(extra_ca), "GIT_SSL_CAPATH": str(AUTHORITIES)}


class GitStore:
    """One bare repository for all sources; what a commit names is checked by git as it is fetched."""

    def __init__(self, folder: Path, extra_ca: Path | None = None) -> None:
        self._folder = folder
        self._trust = trust(extra_ca)

    def ensure(self, url: str, commit: str) -> bool:
        """Fetch a commit unless it is here. Raises :class:`SourceUnavailable`."""
        if COMMIT.fullmatch(commit) is None:
            raise SourceUnavailable(
                f"{commit!r} is no commit. Nothing was fetched; a release names each app by the 40 digits of its commit."
            )
        files.make_directory(self._folder)
        with file_lock(self._folder / ".lock", timeout_seconds=FETCH_SECONDS):
            return self._ensure(url, commit)

    def _ensure(self, url: str, commit: str) -> bool:
        if self._has(commit):
            return False
        # What a killed git left behind; nobody else is at work here.
        for left in self._folder.glob("*.lock"):
            if left.name != ".lock":
                left.unlink(missing_ok=True)
        if not (self._folder / "HEAD").exists():
            self._git("init", "--quiet", "--bare", ".")
        try:
            self._git("fetch", "--quiet", "--depth=1", "--no-tags", url, commit)
            # Named, so that git's own tidying keeps it.
            self._git("update-ref", f"refs/press/{commit}", commit)
        except shell.CommandFailed as error:
            raise SourceUnavailable(
                f"{commit} cannot be fetched from {url}. Nothing was built. Check the address, and whether this host may read "
                f"it; then repeat the job.\n{error.tail}"
            ) from error
        return True

    def read(self, commit: str, path: str) -> bytes | None:
        """A small text file of a commit; None where it has none."""
        try:
            return f"{self._git('show', f'{commit}:{path}')}\n".encode()
        except shell.CommandFailed:
            return None

    def export(self, commit: str, destination: Path) -> None:
        """All files of a commit as a tar; the same commit gives the same bytes."""
        self._git("archive", "--format=tar", f"--output={destination}", commit)

    def _has(self, commit: str) -> bool:
        try:
            self._git("rev-parse", "--quiet", "--verify", f"refs/press/{commit}")
        except shell.CommandFailed:
            return False
        return True

    def _git(self, *words: str) -> str:
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",
            # What else git can speak runs programs.
            "GIT_ALLOW_PROTOCOL": "https:ssh:file",
            **self._trust,
        }
        command = ("git", "-c", "safe.directory=*", *words)
        return shell.run(command, cwd=self._folder, env=environment, timeout_seconds=FETCH_SECONDS)
