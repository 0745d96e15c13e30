"""Where the code of a real Frappe comes from: it is in no package registry, so whoever tests with it names it."""

import os
import subprocess
from functools import cache

import pytest

from agent.engines.port import Source

FRAPPE = "PRESS_TEST_FRAPPE_GIT"
ERPNEXT = "PRESS_TEST_ERPNEXT_GIT"
"""``<git address>`` or ``<git address>@<commit>``; without a commit what its HEAD is."""
SECONDS = 120


@cache
def frappe_source() -> Source:
    """Frappe itself. Skips the test where none is named."""
    return _read("frappe", FRAPPE)


@cache
def erpnext_source() -> Source:
    """ERPNext. Skips the test where none is named."""
    return _read("erpnext", ERPNEXT)


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
