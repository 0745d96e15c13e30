"""Speaks to a running bench through its own door."""

import json
import time
from pathlib import Path
from typing import Any

import requests

from agent.engines.errors import BenchNotHealthy

PATIENCE_SECONDS = 20.0
RETRY_SECONDS = 0.02


class BenchControl:
    """Requests to the bench's control port; address and secret stand in a file that the bench writes at each start."""

    def __init__(self, note: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._note = note
        self._patience = patience_seconds
        self._answer_seconds = 1.5 * patience_seconds

    def find_health(self) -> dict[str, Any] | None:
        """Return what the bench says about itself, or None while it does not answer."""
        try:
            return self._ask("GET", "/health", timeout=5.0)
        except (OSError, ValueError, requests.RequestException):
            return None

    def reload(self, site_id: str) -> None:
        """Let the bench read the site's file again: hostname, state, or that it is gone."""
        self._act(f"/sites/{site_id}/reload")

    def load(self, site_id: str) -> None:
        """Let the bench make the site ready for its first request."""
        self._act(f"/sites/{site_id}/load")

    def unload(self, site_id: str) -> None:
        """Let the bench forget what it remembers of the site's data."""
        self._act(f"/sites/{site_id}/unload")

    def _act(self, path: str) -> None:
        """Ask until it is answered: a bench that was killed is back within seconds. Raises ``bench_not_healthy``."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self._ask("POST", path, timeout=self._answer_seconds)
            except (OSError, ValueError, requests.RequestException) as error:
                if time.monotonic() >= deadline:
                    raise BenchNotHealthy(
                        f"The bench did not answer within {self._patience:.0f} s ({type(error).__name__}). The wanted state is "
                        "stored and holds when the bench starts. Look at the bench's log, then repeat the job."
                    ) from error
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _ask(self, method: str, path: str, *, timeout: float) -> dict[str, Any]:
        door = json.loads(self._note.read_text("utf-8"))
        url = f"http://{door['host']}:{door['port']}{path}"
        secret = {"Authorization": f"Bearer {door['secret']}"}
        with requests.Session() as session:
            session.trust_env = False  # A proxy of the machine has no business between us and the bench.
            answer = session.request(method, url, headers=secret, timeout=timeout)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
