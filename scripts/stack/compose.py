"""Runs compose for one stack: which program that is, and with which files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.bringup.state import ROOT
from scripts.stack.errors import StackError
from scripts.stack.settings import Stack

FOLDER = ROOT / "compose"
CALL_SECONDS = 1800.0
TAIL_LINES = 15
OLDEST = (2, 24)
"""The first that knows all words of our files (``required: false`` of an env file)."""
WELL = "-- ended well --"
PACKAGED = Path(sys.executable).parent / "docker-compose"
FOREIGN = ("STACK_", "COMPOSE_", "PRESS_", "DOCKER_")


def find_compose() -> tuple[str, ...] | None:
    """The command that is compose here: docker's plugin, a program of its own, or the package in ``.venv``."""
    candidates = [("docker", "compose"), ("docker-compose",), (str(PACKAGED),)]
    return next((words for words in candidates if shutil.which(words[0]) and _is_usable(words)), None)


def _is_usable(words: Sequence[str]) -> bool:
    done = subprocess.run([*words, "version", "--short"], capture_output=True, text=True, check=False)
    numbers = done.stdout.strip().removeprefix("v").split(".")[:2]
    return done.returncode == 0 and all(map(str.isdigit, numbers)) and tuple(map(int, numbers)) >= OLDEST


class Compose:
    """Compose with the files, the options and the engine of one stack."""

    def __init__(self, words: Sequence[str], stack: Stack, env_file: Path) -> None:
        files = (("--file", str(FOLDER / name)) for name in stack.compose_file.split(":"))
        self._argv = (
            *words,
            *("--project-name", stack.compose_project_name),
            *("--project-directory", str(FOLDER)),
            *("--env-file", str(env_file)),
            *(word for pair in files for word in pair),
            *(
                word
                for name in filter(None, stack.compose_profiles.split(","))
                for word in ("--profile", name)
            ),
        )
        self._environment = environment_for(stack)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """What it printed on standard output. Raises :class:`StackError` with the end of what it said."""
        done = self._call(arguments, stdin)
        if done.returncode != 0:
            raise _explain(arguments, done)
        return done.stdout

    def _call(self, arguments: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._argv, *arguments],
            cwd=FOLDER,
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=CALL_SECONDS,
        )

    def press(self, *arguments: str, stdin: str = "") -> Any:
        """``press …`` in a container of its own; its JSON answer, or None when it prints none."""
        return _parse(self.run("run", "--rm", "--no-deps", "-T", "press", *arguments, stdin=stdin))

    def execute(self, service: str, *command: str, stdin: str = "") -> Any:
        """A command in a container that runs; its JSON answer, or None when it prints none. Raises :class:`StackError`.

        Compose may end with 0 whatever the command ended with (seen with 5.6 and an engine of 20.10): it says itself that all was well.
        """
        done = self._call(("exec", "-T", service, "sh", "-c", f'"$@" && echo {WELL}', "sh", *command), stdin)
        said, well, _ = done.stdout.rpartition(WELL)
        if not well:
            raise _explain(("exec", service, *command), done)
        return _parse(said)

    def list_running(self) -> list[str]:
        """Services of this stack that run now."""
        return self.run("ps", "--services", "--status", "running").split()

    def list_made(self) -> list[str]:
        """Services of this stack that have a container, running or not."""
        return self.run("ps", "--services", "--all").split()


def environment_for(stack: Stack) -> Mapping[str, str]:
    """What compose sees of our environment: what stands in the files decides, not what is left over in a shell."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "DOCKER_HOST": f"unix://{stack.docker_socket}"}


def _explain(arguments: Sequence[str], done: subprocess.CompletedProcess[str]) -> StackError:
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    message = f"`docker compose {' '.join(arguments)}` failed; what was done before stays, and init.sh goes on from here."
    return StackError(message, log="\n".join(said[-TAIL_LINES:]))


def _parse(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return None
