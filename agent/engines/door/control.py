"""Speaks to a running bench through its own door."""

import json
import time
from pathlib import Path
from typing import Any

import requests

from agent.engines.errors import BenchNotHealthy
from agent.host import shared_files
from agent.host.shared_files import PathUnsafe

PATIENCE_SECONDS = 20.0
RETRY_SECONDS = 0.02
NOT_NOW = (OSError, ValueError, KeyError, TypeError, RecursionError, requests.RequestException, PathUnsafe)
"""Whatever a bench answers, or leaves where its answer should be."""


class BenchControl:
    """Requests to the bench's control port. The secret stands in a file that the bench writes at each start.

    Nothing else of that file is believed where the agent knows the port: a bench that was taken over must not send the agent elsewhere.
    """

    def __init__(
        self, note: Path, *, port: int | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._note = note
        self._port = port
        self._patience = patience_seconds
        self._answer_seconds = 1.5 * patience_seconds

    def find_health(self) -> dict[str, Any] | None:
        """Return what the bench says about itself, or None while it does not answer."""
        try:
            return self._ask("GET", "/health", timeout=5.0)
        except NOT_NOW:
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

    def is_idle(self, site_id: str) -> bool:
        """Whether no request and no job works on the site. Raises ``bench_not_healthy``."""
        return bool(self._act(f"/sites/{site_id}/idle").get("idle"))

    def _act(self, path: str) -> dict[str, Any]:
        """Ask until it is answered: a bench that was killed is back within seconds. Raises ``bench_not_healthy``."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._ask("POST", path, timeout=self._answer_seconds)
            except NOT_NOW as error:
                if time.monotonic() >= deadline:
                    raise BenchNotHealthy(
                        f"The bench did not answer within {self._patience:.0f} s ({type(error).__name__}). The wanted state is "
                        "stored and holds when the bench starts. Look at the bench's log, then repeat the job."
                    ) from error
                time.sleep(RETRY_SECONDS)

    def _ask(self, method: str, path: str, *, timeout: float) -> dict[str, Any]:
        door = json.loads(shared_files.read_small(self._note.parent, self._note.name))
        url = f"http://127.0.0.1:{self._port or int(door['port'])}{path}"
        secret = {"Authorization": f"Bearer {door['secret']}"}
        with requests.Session() as session:
            session.trust_env = False  # A proxy of the machine has no business between us and the bench.
            answer = session.request(method, url, headers=secret, timeout=timeout, allow_redirects=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
