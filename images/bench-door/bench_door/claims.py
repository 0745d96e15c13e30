"""Whether a one-time token is good: each opens one session of one user of one site, once."""

import hashlib
import json
import time
from pathlib import Path

REFUSED = "This link was used already or is too old. Ask for a new one."


class Claims:
    """Announced tokens as ``<folder>/<site id>/<sha256 of the token>.json``: ``{"login", "expires_at": <epoch seconds>}``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, site_id: str, token: str) -> str | None:
        """Mark the token as used and return its login; whoever renames the file first has it, even after a crash.

        The used mark stays, so that an announcement that is repeated later cannot bring the token back.
        """
        path = self._folder / site_id / f"{hashlib.sha256(token.encode()).hexdigest()}.json"
        try:
            announced = json.loads(path.read_text())
            path.rename(path.with_suffix(".used"))
        except FileNotFoundError:
            return None
        return str(announced["login"]) if announced["expires_at"] > time.time() else None
