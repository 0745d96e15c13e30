"""The baseline: the same ERP made as its makers' manual says, with ``trytond-admin`` and an empty database."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.e2e.platform import Platform

SECONDS = 900


def make_from_scratch(platform: Platform) -> float:
    """Seconds until a database with the modules of a starter site stands; nobody's company is set up yet."""
    release = find_release(platform)
    modules = read_modules(platform)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trytond.conf").write_text(f"[database]\nuri = sqlite://\npath = {folder}\n", "utf-8")
        (folder / "password").write_text("a-password-of-a-benchmark\n", "utf-8")
        (folder / "scratch.sqlite").touch()
        argv = (
            str(release / "bin" / "python"),
            str(release / "bin" / "trytond-admin"),
            "-c",
            str(folder / "trytond.conf"),
            "-d",
            "scratch",
            "--email",
            "owner@scratch.example",
            "--activate-dependencies",
            "-u",
            *modules,
        )
        start = time.monotonic()
        subprocess.run(
            argv,
            env={**os.environ, "TRYTONPASSFILE": str(folder / "password")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
        return time.monotonic() - start


def find_release(platform: Platform) -> Path:
    """The newest virtual environment that the agent has made for benches."""
    found = (platform.paths.state / "agent" / "releases").glob("venv-*/bin/trytond-admin")
    return max(found, key=lambda path: path.stat().st_mtime).parents[1]


def read_modules(platform: Platform) -> list[str]:
    """What a starter site has, as the running bench tells."""
    for bench in platform.api.list_all("/v1/benches"):
        for template in (bench["facts"] or {}).get("templates", []):
            if template["apps"] == ["base"]:
                return [str(module) for module in template["modules"]]
    message = "No running bench has a template of the base apps; deploy one with 'press bench deploy'."
    raise LookupError(message)
