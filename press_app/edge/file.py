"""The real edge: a file that Traefik watches, and requests through Traefik."""

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import requests

from press_app.edge.port import Route
from press_app.edge.render import render

PROBE_SECONDS = 3.0


class FileEdge:
    """Writes JSON text into a ``.yml`` file: valid YAML, and nothing in it needs quoting rules."""

    def __init__(self, file: Path, *, pages_url: str, address: str, port: int, scheme: str) -> None:
        self._file = file
        self._pages_url = pages_url
        self._url = f"{scheme}://{address}:{port}/"
        self._http = requests.Session()

    def publish(self, read: Callable[[], Sequence[Route]]) -> bool:
        # The staging folder stands outside the watched one: Traefik refuses every change while one file in its
        # folder cannot be read.
        staging = self._file.parent.parent / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        self._file.parent.mkdir(exist_ok=True)
        with (staging / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = json.dumps(render(read(), self._pages_url), indent=1)
            if self._file.exists() and self._file.read_text() == text:
                return False
            temporary = staging / self._file.name
            with temporary.open("w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._file)
        return True

    def probe(self, hostname: str) -> int:
        try:
            answer = self._http.get(
                self._url,
                headers={"Host": hostname, "Accept": "text/html"},
                timeout=PROBE_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException:
            return 0
        return answer.status_code
