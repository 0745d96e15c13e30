"""Which ERP an installation is brought up with, and what that needs beside the rest."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence

from scripts.bringup.errors import UpError
from scripts.bringup.state import ROOT

TRYTON, FRAPPE = "tryton", "frappe"
ENGINES = (TRYTON, FRAPPE)
PUBLIC = (
    "frappe=https://github.com/frappe/frappe@version-15",
    "erpnext=https://github.com/frappe/erpnext@version-15",
)
"""What is installed where nobody says otherwise: the stable branches of today."""
COMMIT = re.compile(r"[0-9a-f]{40}")
SOURCE = re.compile(
    r"(?P<app>[a-z][a-z0-9_]*)=(?P<url>(?:https|ssh|file)://.+)@(?P<ref>[A-Za-z0-9][A-Za-z0-9._/-]*)"
)
ASK_SECONDS = 60
BASE_SECONDS = 900


def pin_sources(asked: Sequence[str], more: Mapping[str, str] | None = None) -> list[str]:
    """``app=url@branch`` → ``app=url@commit``, the commit being what the branch or tag is now. ``more`` is told to git.

    Raises :class:`UpError`.
    """
    return [_pin(text, more or {}) for text in asked or PUBLIC]


def _pin(text: str, more: Mapping[str, str]) -> str:
    match = SOURCE.fullmatch(text)
    if match is None:
        raise UpError(f"'{text}' is not APP=URL@BRANCH; nothing was changed. Write --app {PUBLIC[0]}.")
    if COMMIT.fullmatch(match["ref"]):
        return text
    commit = _ask(match["url"], match["ref"], more)
    return f"{match['app']}={match['url']}@{commit}"


def _ask(url: str, ref: str, more: Mapping[str, str]) -> str:
    # In this order; a tag with words of its own is an object, and what it names stands behind ^{}.
    wanted = (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}")
    command = ["git", "ls-remote", "--exit-code", url, *wanted]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **more}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpError(f"{url} could not be asked for {ref} ({error}); nothing was changed.") from error
    lines = (line.partition("\t") for line in done.stdout.splitlines())
    found = {name: commit for commit, _, name in lines}
    if done.returncode != 0 or not found:
        message = (
            f"{url} does not tell what {ref} is; nothing was changed. Name another with --app APP=URL@BRANCH."
        )
        raise UpError(message, log=done.stderr.strip())
    return next(found[name] for name in wanted if name in found)


def describe_agent(engine: str) -> dict[str, str]:
    """What the agent is told of it."""
    return {"PRESS_AGENT_ENGINES": FRAPPE, "PRESS_AGENT_EXECUTOR": "docker"} if engine == FRAPPE else {}


def make_base_image(environment: Mapping[str, str]) -> None:
    """The image that benches are built on, where the engine has none. Raises :class:`UpError`."""
    url = environment.get("PRESS_AGENT_DOCKER_URL", "")
    done = subprocess.run(
        [str(ROOT / "scripts" / "make-base-image")],
        env={**os.environ, **({"DOCKER_HOST": url} if url else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=BASE_SECONDS,
    )
    if done.returncode != 0:
        message = "the base image for benches could not be made; mend that and run up again, it continues from here."
        raise UpError(message, log=done.stderr.strip())
