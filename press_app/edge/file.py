"""The real edge: a file that Traefik watches, and requests through Traefik."""

import fcntl
import math
import os
import time
from http import HTTPStatus
from pathlib import Path

import requests

from press_app.edge.port import Mark, ReadNews
from press_app.edge.table import Table

PROBE_SECONDS = 3.0
UP = "/-/up"
"""Where a bench says at little cost that a site serves: a first page of ERPNext takes more than a second."""
WHOLE_EVERY_SECONDS = 300.0


class FileEdge:
    """Writes JSON text into a ``.yml`` file: valid YAML, and nothing in it needs quoting rules.

    The table stays in memory, so that a table without changes costs one look at the file.
    """

    def __init__(self, file: Path, *, pages_url: str, probe_url: str) -> None:
        self._file = file
        self._url = probe_url
        self._http = requests.Session()
        self._table = Table(pages_url)
        self._mark: Mark | None = None
        self._whole_at = -math.inf
        self._print: tuple[int, int, int] | None = None
        """Of the file that has our table; None while that is not known."""

    def publish(self, read: ReadNews, *, waits: bool = True) -> bool:
        # The staging folder stands outside the watched one: Traefik refuses every change while one file in its
        # folder cannot be read.
        staging = self._file.parent.parent / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        self._file.parent.mkdir(exist_ok=True)
        with (staging / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            except BlockingIOError:
                return False
            if not self._learn(read) and self._print is not None and self._print == self._look():
                return False
            self._print = None
            text = self._table.render()
            is_other = not self._file.exists() or self._file.read_text() != text
            if is_other:
                self._write(staging / self._file.name, text)
            self._print = self._look()
        return is_other

    def _learn(self, read: ReadNews) -> bool:
        """Take in what changed. Now and then all is read, so that what was missed once is not missed for ever."""
        is_whole_due = time.monotonic() - self._whole_at > WHOLE_EVERY_SECONDS
        news = read(None if is_whole_due else self._mark)
        if news.is_whole:
            self._whole_at = time.monotonic()
        is_changed = self._table.take(news)
        if is_changed:
            self._print = None
        self._mark = news.mark
        return is_changed

    def _look(self) -> tuple[int, int, int] | None:
        """What tells the file that we know from any other, without reading it."""
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _write(self, temporary: Path, text: str) -> None:
        with temporary.open("w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._file)

    def probe(self, hostname: str) -> int:
        status = self._ask(hostname, UP)
        # Benches of before have no such page; and where no site is, there is none either.
        return self._ask(hostname, "/") if status == HTTPStatus.NOT_FOUND else status

    def _ask(self, hostname: str, path: str) -> int:
        try:
            answer = self._http.get(
                self._url + path,
                headers={"Host": hostname, "Accept": "text/html"},
                timeout=PROBE_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException:
            return 0
        return answer.status_code
