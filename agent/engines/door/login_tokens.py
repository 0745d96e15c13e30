"""Announces one-time tokens to the bench: a file each, named by the token's SHA-256; the token itself is stored nowhere."""

import hashlib
import json
import time
from contextlib import suppress
from pathlib import Path

from agent.host import files

KEPT_SECONDS = 24 * 3600.0
"""How long used and old announcements are remembered: longer than any job that could repeat one."""


def announce(folder: Path, login: str, token: str, ttl_seconds: int) -> None:
    """Let the token open a session of ``login`` once within the time; one that is known already stays as it is."""
    files.make_directory(folder, 0o700)
    _forget_old(folder)
    announced = folder / f"{hashlib.sha256(token.encode()).hexdigest()}.json"
    if announced.exists():
        return
    text = json.dumps({"login": login, "expires_at": time.time() + ttl_seconds})
    files.write_atomic(announced, text, mode=0o600)


def _forget_old(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink()
