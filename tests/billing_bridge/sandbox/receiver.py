"""A small HTTP server that takes webhooks and answers what it is told."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

DEADLINE = 10.0


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """The first true value of ``condition``, or a failure that names ``what``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"did not happen within {seconds} s: {what}")


@dataclass(frozen=True)
class Received:
    """One attempt as it came over the wire."""

    raw: bytes
    headers: dict[str, str]
    at: float

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.raw)
        return body

    @property
    def type(self) -> str:
        return str(self.body["webhook_type"])

    @property
    def object(self) -> dict[str, Any]:
        inner: dict[str, Any] = self.body[self.body["object_type"]]
        return inner

    @property
    def key(self) -> str:
        return self.headers["x-lago-unique-key"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: "Receiver") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.server.receiver.take(Received(raw, headers, time.monotonic()))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        _ = format, args


class Receiver:
    """``answers`` are used up one per request; then 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/lago"

    def take(self, received: Received) -> int:
        with self._lock:
            self.received.append(received)
            return self.answers.pop(0) if self.answers else 200

    def of(self, webhook_type: str) -> list[Received]:
        return [each for each in list(self.received) if each.type == webhook_type]

    def wait_for(self, webhook_type: str, count: int = 1) -> list[Received]:
        wait_until(lambda: len(self.of(webhook_type)) >= count, f"{count} x {webhook_type}")
        return self.of(webhook_type)

    def types(self) -> list[str]:
        return [each.type for each in self.received]

    def wait_for_types(self, expected: Sequence[str]) -> None:
        """Wait for as many webhooks as expected, and compare the types without their order."""
        wait_until(
            lambda: len(self.received) >= len(expected), f"{sorted(expected)}, got {sorted(self.types())}"
        )
        assert sorted(self.types()) == sorted(expected)
