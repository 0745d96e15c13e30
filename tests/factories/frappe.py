"""Where the code of a real Frappe comes from: it is in no package registry, so whoever tests with it names it."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from agent.engines.port import Source

FRAPPE = "PRESS_TEST_FRAPPE_GIT"
ERPNEXT = "PRESS_TEST_ERPNEXT_GIT"
"""``<git address>`` or ``<git address>@<commit>``; without a commit what its HEAD is."""
BASE = "PRESS_TEST_FRAPPE_BASE"
"""The image to build on where that code wants another Python than the agent's own base has."""
SECONDS = 120
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whatever this machine trusts, a build on it has to trust, too."""


@cache
def frappe_source() -> Source:
    """Frappe itself. Skips the test where none is named."""
    return _read("frappe", FRAPPE)


@cache
def erpnext_source() -> Source:
    """ERPNext. Skips the test where none is named."""
    return _read("erpnext", ERPNEXT)


def list_sources() -> tuple[Source, ...]:
    """Frappe, and ERPNext where it is named too. Skips the test where no Frappe is named."""
    return (frappe_source(), *((erpnext_source(),) if os.environ.get(ERPNEXT) else ()))


def find_base() -> str:
    """The named base image; empty for the agent's own."""
    return os.environ.get(BASE, "")


def settle(state: Path, docker_url: str, *more: Source) -> list[str]:
    """Tell an installation which engine of Docker it has; what ``up`` is told to install Frappe, and ``more`` apps with it."""
    settings = {"PRESS_AGENT_DOCKER_URL": docker_url}
    if BUNDLE.exists():
        settings["PRESS_AGENT_EXTRA_CA"] = str(BUNDLE)
    (state / "settings").mkdir(parents=True, exist_ok=True)
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    (state / "settings" / "agent.env").write_text(text)
    return ["--engine=frappe", *name_code(*list_sources(), *more)]


def name_code(*sources: Source) -> list[str]:
    """The options that name the code of apps."""
    return [f"--app={source.app}={source.url}@{source.commit}" for source in sources]


def _read(app: str, variable: str) -> Source:
    named = os.environ.get(variable)
    if not named:
        pytest.skip(
            f"set {variable} to a git address of {app} (file:// or https://, with @COMMIT or without)"
        )
    url, at, commit = named.rpartition("@")
    if not at or "/" in commit:
        url, commit = named, _find_head(named)
    return Source(app=app, url=url, commit=commit)


def _find_head(url: str) -> str:
    done = subprocess.run(
        ["git", "ls-remote", url, "HEAD"], check=True, capture_output=True, text=True, timeout=SECONDS
    )
    return done.stdout.split()[0]
