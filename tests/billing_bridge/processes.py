"""Starts the bridge's real processes with settings in their environment and ends them by their id."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from billing_bridge.config import Settings

ROOT = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 15


def make_environment(settings: Settings) -> dict[str, str]:
    """The settings as PRESS_BRIDGE_* variables."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    for name, value in settings:
        if value is not None:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            environment[f"PRESS_BRIDGE_{name.upper()}"] = plain
    return environment


@contextmanager
def running(
    *arguments: str, settings: Settings, log: Path, more: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """One `press-bridge` process until the block ends; its output goes to `log`."""
    argv = [sys.executable, "-m", "billing_bridge.cli", *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            env=make_environment(settings) | dict(more or {}),
            stdout=output,
            stderr=output,
            cwd=log.parent,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def run_cli(*arguments: str, settings: Settings, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One command of `press-bridge` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "billing_bridge.cli", *arguments],
        env=make_environment(settings),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
