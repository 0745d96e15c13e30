"""The edge's own pages: why a site does not answer, that its data is safe, and the way out.

Traefik sends suspended, busy and unknown hosts here with the path replaced. Standard library only, no state.
"""

import argparse
import base64
import hashlib
import html
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from string import Template
from typing import Any

HERE = Path(__file__).resolve().parent
TEXTS: dict[str, dict[str, Any]] = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
PAGE = Template((HERE / "page.html").read_text(encoding="utf-8"))
STYLE = (HERE / "page.css").read_text(encoding="utf-8").strip()
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DEFAULT_LANGUAGE = "en"
RETRY_SECONDS = 30
HEALTH = "/-/health"
"""For the supervisor. Visitors cannot reach it: Traefik replaces every path that it sends here."""
MAX_DRAINED_BYTES = 16 * 1024 * 1024
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::\d{1,5})?")
MARKS = {
    "paused": '<svg viewBox="0 0 10 10" aria-hidden="true" fill="currentColor"><path d="M1 0h3v10H1zM6 0h3v10H6z"/></svg>',
    "working": '<svg viewBox="0 0 10 10" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2">'
    '<path d="M5 1a4 4 0 1 0 4 4"/></svg>',
    "missing": '<svg viewBox="0 0 10 10" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2">'
    '<rect x="1" y="1" width="8" height="8" rx="1"/></svg>',
}


@dataclass(frozen=True)
class Answer:
    """What one path says, before language and format are chosen."""

    status: int
    code: str
    shape: str
    page: str
    reason: str | None = None

    def words(self, language: str) -> dict[str, str]:
        """The page's texts, flat."""
        texts = TEXTS[language][self.page]
        plain = {key: value for key, value in texts.items() if isinstance(value, str)}
        return plain | texts["reasons"][self.reason] if self.reason else plain


NOT_FOUND = Answer(status=404, code="site_not_found", shape="missing", page="not-found")
MAINTENANCE = Answer(status=503, code="site_in_maintenance", shape="working", page="maintenance")


def choose_answer(path: str) -> Answer:
    """The answer for a request path; anything that is no page of ours is an unknown site."""
    path = path.partition("?")[0]
    if path == "/maintenance":
        return MAINTENANCE
    if path.startswith("/suspended/") or path == "/suspended":
        reason = path.removeprefix("/suspended").strip("/")
        known = reason if reason in TEXTS[DEFAULT_LANGUAGE]["suspended"]["reasons"] else "other"
        return Answer(status=402, code="site_suspended", shape="paused", page="suspended", reason=known)
    return NOT_FOUND


def parse_weights(header: str) -> dict[str, float]:
    """``a;q=0.5, b`` → ``{"a": 0.5, "b": 1.0}``; what cannot be read weighs nothing."""
    weights: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        weights[name] = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0
    return weights


def choose_language(header: str) -> str:
    """The language of ours that the reader likes best."""
    best, best_weight = DEFAULT_LANGUAGE, 0.0
    for name, weight in parse_weights(header).items():
        language = name.partition("-")[0]
        if language in TEXTS and weight > best_weight:
            best, best_weight = language, weight
    return best


def prefers_json(header: str) -> bool:
    """True for programs: they name a JSON type, and HTML not at all or less."""
    weights = parse_weights(header)
    as_json = max(weights.get("application/json", 0.0), weights.get("application/problem+json", 0.0))
    return as_json > weights.get("text/html", 0.0)


def render_problem(answer: Answer, language: str) -> bytes:
    words = answer.words(language)
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": words["title"],
        "status": answer.status,
        "detail": " ".join((words["why"], words["safe"], words["next"])),
        "code": answer.code,
    }
    if answer.reason:
        problem["reason"] = answer.reason
    return json.dumps(problem, ensure_ascii=False).encode()


def render_page(answer: Answer, language: str, *, host: str = "", account_url: str = "") -> bytes:
    words = {key: html.escape(value) for key, value in answer.words(language).items()}
    address = html.escape(account_url)
    optional = {
        "host": f'<p class="host">{html.escape(host)}</p>\n' if HOST.fullmatch(host) else "",
        "refresh": f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">\n'
        if answer is MAINTENANCE
        else "",
        "action": f'<a class="action" href="{address}">{words["action"]}</a>\n'
        if _has_action(answer, account_url)
        else "",
        "visitor": f'<p class="visitor">{words["visitor"]}</p>\n' if "visitor" in words else "",
    }
    text = PAGE.substitute(
        words | optional, lang=language, style=STYLE, shape=answer.shape, mark=MARKS[answer.shape]
    )
    return text.encode()


def _has_action(answer: Answer, account_url: str) -> bool:
    return bool(account_url) and answer.page == "suspended"


class PagesServer(ThreadingHTTPServer):
    """Threads end with the process: no answer here is worth waiting for."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], *, account_url: str = "") -> None:
        super().__init__(address, PagesHandler)
        self.account_url = account_url

    def server_bind(self) -> None:
        """Bind without the base class's look-up of our own name, which waits for a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no event."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class PagesHandler(BaseHTTPRequestHandler):
    """Every method gets the page of its path."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = "text/plain; charset=utf-8"
    server: PagesServer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def version_string(self) -> str:
        return "press"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so.
        """Traefik's access log has it already."""

    def answer(self) -> None:
        self._drain()
        if self.path == HEALTH:
            self._send(
                200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, b'{"status": "ok"}'
            )
            return
        answer = choose_answer(self.path)
        language = choose_language(self.headers.get("Accept-Language", ""))
        if prefers_json(self.headers.get("Accept", "")):
            problem = render_problem(answer, language)
            self._send(answer.status, _headers(answer, language, "application/problem+json"), problem)
            return
        host = self.headers.get("Host", "")
        body = render_page(answer, language, host=host, account_url=self.server.account_url)
        self._send(answer.status, _headers(answer, language, "text/html; charset=utf-8"), body)

    def _drain(self) -> None:
        """Read what the client still sends, so that it hears the answer instead of a reset."""
        length = self.headers.get("Content-Length", "0")
        left = int(length) if length.isascii() and length.isdigit() else MAX_DRAINED_BYTES + 1
        if "Transfer-Encoding" in self.headers or left > MAX_DRAINED_BYTES:
            self.close_connection = True
            return
        while left > 0:
            chunk = self.rfile.read(min(left, 65536))
            if not chunk:
                self.close_connection = True
                return
            left -= len(chunk)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _headers(answer: Answer, language: str, content_type: str) -> dict[str, str]:
    headers = {
        "Content-Type": content_type,
        "Content-Language": language,
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Language",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if answer is MAINTENANCE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return headers


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--account-url", default="", help="where a suspended site's owner can pay; shown as a button"
    )
    options = parser.parse_args(arguments)
    try:
        server = PagesServer((options.host, options.port), account_url=options.account_url)
    except OSError as error:
        parser.exit(1, f"pages: port {options.port}: {error.strerror}; choose another --port\n")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
