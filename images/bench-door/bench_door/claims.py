"""Whether a one-time token is good: each opens one session of one user of one site, once."""

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

REFUSED = "This link was used already or is too old. Ask for a new one."
KEPT_SECONDS = 48 * 3600.0
"""How long a used mark stays: longer than anybody announces the same token again."""


class Claims:
    """Announced tokens as ``tokens/<site id>/<sha256 of the token>.json``: ``{"login", "expires_at": <epoch seconds>}``.

    They are the agent's, and only read here; ``used/<site id>/<sha256>`` are our marks.
    """

    def __init__(self, bench: Path) -> None:
        self._tokens = bench / "tokens"
        self._used = bench / "used"

    def claim(self, site_id: str, token: str) -> str | None:
        """Mark the token as used and return its login; whoever makes the mark first has it, even after a crash.

        The mark stays, so that an announcement that is repeated later cannot bring the token back.
        """
        name = hashlib.sha256(token.encode()).hexdigest()
        try:
            announced = json.loads((self._tokens / site_id / f"{name}.json").read_text())
        except FileNotFoundError:
            return None
        marks = self._used / site_id
        marks.mkdir(parents=True, exist_ok=True)
        self._forget_old(marks)
        try:
            os.close(os.open(marks / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        except FileExistsError:
            return None
        return str(announced["login"]) if announced["expires_at"] > time.time() else None

    def _forget_old(self, marks: Path) -> None:
        for mark in marks.iterdir():
            with suppress(FileNotFoundError):
                if mark.stat().st_mtime < time.time() - KEPT_SECONDS:
                    mark.unlink()
