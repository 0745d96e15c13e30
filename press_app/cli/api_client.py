"""The control plane's API as commands see it."""

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, cast

import requests

from press_app.cli.failures import UNREACHABLE, CommandFailed

TIMEOUT = (5.0, 60.0)
"""Seconds to connect, and for each read."""
PAGE = 200
OPEN_LINE, QUIET_LINE = b": open", b": still here"
QUIET = 15.0
"""A stream that is silent for so long is gone: the server speaks every few seconds."""


class Api:
    """One server and one token. Every failure is a :class:`CommandFailed` that can be shown as it is."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._session = requests.Session()
        # Proxies and .netrc of the machine must not redirect or replace the token.
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def copy(self) -> "Api":
        """The same caller with a connection of its own, for another thread."""
        return Api(self.url, self._token)

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """``key`` makes a repeated request give the first answer; without one each call gets a new one."""
        return self._call("POST", path, body=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})

    def put(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """With a ``key`` as :meth:`post`; without one it is what it says: the same again is the same."""
        return self._call("PUT", path, body=body, headers={"Idempotency-Key": key} if key else {})

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, body=body)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def list_all(self, path: str, *, limit: int = 1000, **query: Any) -> list[dict[str, Any]]:
        """All items over all pages, ``limit`` at most."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, limit=min(PAGE, max(1, limit - len(items))), cursor=cursor)
            items.extend(page["items"])
            cursor = page.get("next_cursor")
            if cursor is None or len(items) >= limit:
                return items[:limit]

    def stream(
        self,
        *,
        subject: str | None = None,
        after: int | None = None,
        on_open: Callable[[], None] = lambda: None,
    ) -> Iterator[dict[str, Any] | None]:
        """Events as they happen, until the server ends the stream; None when all was told for now.

        Raises :class:`CommandFailed`.
        """
        query = {"subject": subject, "after": after}
        try:
            with self._session.get(
                f"{self.url}/v1/events", params=query, stream=True, timeout=(TIMEOUT[0], QUIET)
            ) as answer:
                _check(answer)
                for line in answer.iter_lines(chunk_size=1):
                    if line.startswith(b"data:"):
                        yield cast("dict[str, Any]", json.loads(line[5:]))
                    elif line.startswith(OPEN_LINE):
                        on_open()
                    elif line.startswith(QUIET_LINE):
                        yield None
        except requests.RequestException as error:
            raise self._unreachable(error) from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        try:
            answer = self._session.request(
                method, self.url + path, params=query, json=body, headers=headers, timeout=TIMEOUT
            )
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        _check(answer)
        return answer.json() if answer.content else None

    def _unreachable(self, error: Exception) -> CommandFailed:
        return CommandFailed(
            f"The control plane at {self.url} cannot be reached ({type(error).__name__}). "
            "Whether the request was taken is not known; repeating it is safe. "
            "See whether it runs (./scripts/up --status), or give another --api-url.",
            code="api_unreachable",
            status=UNREACHABLE,
        )


def _check(answer: requests.Response) -> None:
    """Raises :class:`CommandFailed` with the problem's own words."""
    if answer.ok:
        return
    try:
        problem = answer.json()
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        problem, code = {}, "unexpected_answer"
        detail = f"The control plane answered {answer.status_code} without saying why."
    context = {name: problem[name] for name in problem.keys() - {"type", "title", "status", "detail", "code"}}
    raise CommandFailed(detail, code=code, http_status=answer.status_code, **context)


class Feed:
    """Wakes when something happened to a subject, or after a pause; never misses more than that pause.

    A stream that cannot be had only makes it slower: then it wakes by the pause alone.
    """

    def __init__(self, api: Api, subject: str) -> None:
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._api = api.copy()
        self._subject = subject
        self._over = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Return at the next news, or after ``seconds``."""
        try:
            self._news.get(timeout=seconds)
        except queue.Empty:
            return
        while not self._news.empty():
            self._news.get_nowait()

    def close(self) -> None:
        self._over.set()

    def _tell(self) -> None:
        self._news.put(None)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                # Its opening is news, too: what happened before it would be missed until the pause is over.
                for _ in self._api.stream(subject=self._subject, on_open=self._tell):
                    self._tell()
                    if self._over.is_set():
                        return
            except CommandFailed:
                time.sleep(1.0)
