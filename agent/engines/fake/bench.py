"""The program of a fake bench: ``python -m agent.engines.fake.bench <folder> <port>`` serves its sites by host name."""

import base64
import binascii
import json
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agent.engines.fake.site import FakeSite, changing, digest, list_sites

LOGIN_PATH = "/-/login"
HEALTH_PATH = "/-/health"
MAX_RECORDS = 1_000_000


class Handler(BaseHTTPRequestHandler):
    """Answers for one bench; which site is meant stands in the ``Host`` header."""

    folder: Path

    def do_GET(self) -> None:
        if self.path == HEALTH_PATH:
            self._answer(HTTPStatus.OK, "healthy")
        elif (site := self._site()) is not None:
            self._get(site)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if (site := self._site()) is None:
            return
        with changing(self.folder, site.site_id) as changed:
            if changed is None or changed.closed:
                answer = (HTTPStatus.SERVICE_UNAVAILABLE, "back soon")
            else:
                answer = self._post(changed, text)
        self._answer(*answer)

    def _get(self, site: FakeSite) -> None:
        if self.path == "/records":
            allowed = self._is_known(site)
            self._answer(
                HTTPStatus.OK if allowed else HTTPStatus.UNAUTHORIZED, site.records if allowed else "who?"
            )
        elif self.path == "/home":
            self._answer(HTTPStatus.OK, {"apps": site.apps, "locale": site.locale})
        else:
            self._answer(HTTPStatus.OK, site.config.get("greeting", site.company))

    def _post(self, site: FakeSite, text: str) -> tuple[HTTPStatus, str]:
        if self.path == LOGIN_PATH:
            accepted = site.tokens.pop(digest(text), 0.0) > time.time()
            return (HTTPStatus.OK, "welcome") if accepted else (HTTPStatus.UNAUTHORIZED, "no")
        if not self._is_known(site):
            return HTTPStatus.UNAUTHORIZED, "who?"
        if self.path == "/mail":
            return self._send(site, text)
        if site.config.get("read_only", False):
            return HTTPStatus.FORBIDDEN, "only to read"
        if self.path == "/users":
            site.users[text] = digest(text)
        elif len(site.records) >= int(site.config.get("max_records", MAX_RECORDS)):
            return HTTPStatus.FORBIDDEN, "full"
        else:
            site.records.append(text)
        return HTTPStatus.OK, "stored"

    def _send(self, site: FakeSite, text: str) -> tuple[HTTPStatus, str]:
        if site.muted:
            return HTTPStatus.FORBIDDEN, "a copy tells nothing"
        site.sent.append(text)
        return HTTPStatus.OK, "sent"

    def _site(self) -> FakeSite | None:
        hostname = self.headers.get("Host", "").partition(":")[0]
        found = next(
            (site for site in list_sites(self.folder) if hostname and site.hostname == hostname), None
        )
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "no such site")
        elif found.closed:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "back soon")
            return None
        elif found.state == "suspended":
            self._answer(HTTPStatus.PAYMENT_REQUIRED, found.reason)
            return None
        return found

    def _is_known(self, site: FakeSite) -> bool:
        _, _, coded = self.headers.get("Authorization", "").partition(" ")
        try:
            login, _, password = base64.b64decode(coded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return site.users.get(login) == digest(password)

    def _answer(self, status: HTTPStatus, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def main(folder: str, port: str) -> None:
    """Serve until the program is ended."""
    Handler.folder = Path(folder)
    with ThreadingHTTPServer(("127.0.0.1", int(port)), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:3])
