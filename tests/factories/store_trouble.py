"""A proxy in front of a real S3 that answers for it as a store in trouble does, or spoils what it passes on."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.factories.object_store import KEY, KEY_ID

Trouble = Callable[[str, str], tuple[int, str] | None]
"""Method and path → status and code of the error that is answered instead; None lets it through."""
HOP = frozenset({"transfer-encoding", "connection", "content-length", "date", "server"})


def no_trouble(_method: str, _path: str) -> None:
    """Let everything through."""


class Proxy(BaseHTTPRequestHandler):
    """One request: answered with trouble, or by the server behind."""

    protocol_version = "HTTP/1.1"

    def __init__(
        self, *args: Any, url: str, trouble: Trouble, drops: str, refuses: str, is_spoiling: bool
    ) -> None:
        self._url, self._trouble = url, trouble
        self._drops, self._refuses, self._is_spoiling = drops, refuses, is_spoiling
        super().__init__(*args)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = self._trouble(self.command, self.path)
        if self._refuses and self._refuses in {name.lower() for name in self.headers}:
            told = (501, "NotImplemented")
        if told is not None:
            status, code = told
            text = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self._answer(status, {"Content-Type": "application/xml"}, text)
            return
        try:
            answer = self._pass_on(body)
        except requests.RequestException:
            self.close_connection = True
            return
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
        if self.command == "HEAD":
            kept["Content-Length"] = answer.headers.get("Content-Length", "0")
        self._answer(answer.status_code, kept, answer.content)

    def _pass_on(self, body: bytes) -> requests.Response:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        if self._drops or self._is_spoiling:
            headers, body = self._spoil(headers, body)
        return requests.request(self.command, self._url + self.path, headers=headers, data=body, timeout=30)

    def _spoil(self, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        """Forget headers, or change a byte; signed anew, or the server would see that somebody did."""
        dropped = ("authorization", "x-amz-content-sha256", "host", *([self._drops] if self._drops else []))
        kept = {name: value for name, value in headers.items() if not name.lower().startswith(dropped)}
        changed = body[:-1] + bytes([body[-1] ^ 1]) if self._is_spoiling and body else body
        request = AWSRequest(self.command, self._url + self.path, headers=kept, data=changed)
        S3SigV4Auth(Credentials(KEY_ID, KEY), "s3", "us-east-1").add_auth(request)
        return dict(request.headers.items()), changed

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names are the library's

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextmanager
def troubled(
    url: str,
    trouble: Trouble = no_trouble,
    *,
    drops: str = "",
    refuses: str = "",
    is_spoiling: bool = False,
) -> Iterator[str]:
    """A proxy in front of the server; yields its URL.

    ``drops`` is the beginning of headers that it forgets, ``refuses`` a header that it does not know.
    """
    handler = partial(Proxy, url=url, trouble=trouble, drops=drops, refuses=refuses, is_spoiling=is_spoiling)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
