"""Small real HTTP servers that stand where Lago and the control plane stand."""

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]


@dataclass
class JsonServer:
    """Answers JSON over a real socket; can be slow, broken or counted."""

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    broken: int = 0
    """Answer this many requests with 503."""
    always_broken: bool = False
    delay: float = 0.0
    raw_answer: bytes | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        raise KeyError(path)

    def handle(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        with self.lock:
            self.requests.append((method, target))
            self.headers.append(headers)
            fails = self.always_broken or self.broken > 0
            self.broken -= self.broken > 0
        time.sleep(self.delay)
        if fails:
            return 503, b"<html>bad gateway</html>"
        if self.raw_answer is not None:
            return 200, self.raw_answer
        parts = urlsplit(target)
        with self.lock:
            status, answer = self.respond(
                method, parts.path, parse_qs(parts.query), json.loads(raw) if raw else None
            )
        return status, json.dumps(answer).encode()


@dataclass
class LagoServer(JsonServer):
    """Lago's REST reads from plain lists, with its pagination and its filters."""

    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    customers: list[dict[str, Any]] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    endpoints: list[dict[str, Any]] = field(default_factory=list)
    entitlements: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    public_pem: bytes = b""
    per_page: int = 100
    trailing_empty_page: bool = False

    def respond(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        parts = [unquote(part) for part in path.removeprefix("/api/v1/").split("/")]
        routes: dict[str, Callable[[list[str], dict[str, list[str]]], Answer]] = {
            "subscriptions": self._subscriptions,
            "invoices": self._invoices,
            "customers": self._customers,
            "plans": self._plans,
            "webhooks": lambda _parts, _query: (
                200,
                {"webhook": {"public_key": base64.encodebytes(self.public_pem).decode()}},
            ),
        }
        if parts[0] == "webhook_endpoints":
            return self._write_endpoint(method, parts, body)
        if parts[0] not in routes:
            return 404, {"status": 404, "error": "Not Found", "code": "resource_not_found"}
        return routes[parts[0]](parts, query)

    def _subscriptions(self, parts: list[str], query: dict[str, list[str]]) -> Answer:
        if len(parts) == 3:
            features = self.entitlements.get(parts[1])
            return (200, {"entitlements": features}) if features is not None else _missing("subscription")
        statuses = query.get("status[]", ["active"])
        found = [s for s in self.subscriptions if s["status"] in statuses]
        for key in ("external_id", "plan_code", "external_customer_id"):
            if key in query:
                found = [s for s in found if s[key] == query[key][0]]
        return self._page("subscriptions", found, query)

    def _invoices(self, parts: list[str], query: dict[str, list[str]]) -> Answer:
        if len(parts) == 2:
            one = next((i for i in self.invoices if i["lago_id"] == parts[1]), None)
            return (200, {"invoice": one}) if one else _missing("invoice")
        found = self.invoices
        for key in ("status", "payment_status"):
            if key in query:
                found = [i for i in found if i[key] == query[key][0]]
        if "payment_overdue" in query:
            found = [i for i in found if i["payment_overdue"]]
        if "external_customer_id" in query:
            found = [i for i in found if i["customer"]["external_id"] == query["external_customer_id"][0]]
        hidden = {"fees", "subscriptions", "billing_periods"}
        return self._page("invoices", [{k: v for k, v in i.items() if k not in hidden} for i in found], query)

    def _customers(self, parts: list[str], query: dict[str, list[str]]) -> Answer:
        if len(parts) == 2:
            short = parts[1].split(".")[0]
            one = next((c for c in self.customers if c["external_id"] == short), None)
            return (200, {"customer": one}) if one else _missing("customer")
        wanted = query.get("external_id", [None])[0]
        return self._page(
            "customers", [c for c in self.customers if wanted in {None, c["external_id"]}], query
        )

    def _plans(self, parts: list[str], query: dict[str, list[str]]) -> Answer:
        if len(parts) == 3:
            one = next((p for p in self.plans if p["code"] == parts[1]), None)
            return (200, {"entitlements": one["entitlements"]}) if one else _missing("plan")
        return self._page("plans", self.plans, query)

    def _page(self, key: str, found: list[dict[str, Any]], query: dict[str, list[str]]) -> Answer:
        page, size = (
            int(query.get("page", ["1"])[0]),
            min(int(query.get("per_page", ["100"])[0]), self.per_page),
        )
        pages = -(-len(found) // size) + self.trailing_empty_page
        meta = {
            "current_page": page if found else 0,
            "next_page": page + 1 if page < pages else None,
            "prev_page": page - 1 if page > 1 else None,
            "total_pages": pages,
            "total_count": len(found),
        }
        return 200, {key: found[(page - 1) * size : page * size], "meta": meta}

    def _write_endpoint(self, method: str, parts: list[str], body: Any) -> Answer:
        if method == "GET":
            return self._page("webhook_endpoints", self.endpoints, {})
        given = body["webhook_endpoint"]
        if method == "POST":
            made = {"lago_id": f"endpoint-{len(self.endpoints)}", "lago_organization_id": "org-1"}
            self.endpoints.append(made | given | {"created_at": "2026-01-01T00:00:00Z"})
            return 200, {"webhook_endpoint": self.endpoints[-1]}
        one = next(e for e in self.endpoints if e["lago_id"] == parts[1])
        one.update(given)
        return 200, {"webhook_endpoint": one}


@dataclass
class PressServer(JsonServer):
    """The control plane's two calls of the contract, with the rule that the later observation counts."""

    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    puts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuse: Answer | None = None
    refuse_put: Answer | None = None
    per_page: int = 200

    def respond(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        if self.refuse is not None:
            return self.refuse
        if method == "GET":
            start = int(query.get("cursor", ["0"])[0])
            size = min(int(query["limit"][0]), self.per_page)
            items = list(self.views.values())
            more = str(start + size) if start + size < len(items) else None
            return 200, {"items": items[start : start + size], "next_cursor": more}
        if self.refuse_put is not None:
            return self.refuse_put
        external_id = unquote(path.removeprefix("/v1/subscriptions/"))
        self.puts.append((external_id, body))
        stored = self.views.get(external_id)
        if stored is not None and stored["observed_at"] > body["observed_at"]:
            return 200, stored | {"applied": False}
        keys = ("wanted", "plan_code", "observed_at", "reason")
        view = {"external_id": external_id, "sites": [], "applied": True} | {key: body[key] for key in keys}
        self.views[external_id] = view
        return 200, view

    def count_effects(self) -> Counter[tuple[str, str]]:
        """How often each subscription was told each wanted state."""
        return Counter((external_id, body["wanted"]) for external_id, body in self.puts)


def _missing(what: str) -> Answer:
    return 404, {"status": 404, "error": "Not Found", "code": f"{what}_not_found"}


class _Handler(BaseHTTPRequestHandler):
    """Hands every request to the server's `target`."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    target: JsonServer

    def answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        status, body = self.target.handle(self.command, self.path, headers, raw)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


@contextmanager
def serving(server: JsonServer, *, port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1 until the block ends; gives the address."""
    handler = type("Handler", (_Handler,), {"target": server})
    httpd = ThreadingHTTPServer(("127.0.0.1", port), handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield server.url
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(5)
