"""The agent's door: HTTP on a loopback port of its own, with a secret from a file that only its owner can read."""

import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .pools import DatabaseMissing, PoolKeeper, measure_memory
from .sites import SiteMap
from .tenant_lock import TenantLocks

SITE_ACTION = re.compile(r"/sites/(?P<database>[a-z0-9][a-z0-9-]*)/(?P<action>[a-z]+)")
EVERYWHERE, LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104 - in a container of its own
Action = Callable[[str], dict[str, object]]


class Control:
    """What the agent may ask: ``GET /health``, ``POST /sites/<database>/{reload,load,unload}``."""

    def __init__(self, sites: SiteMap, pools: PoolKeeper, locks: TenantLocks) -> None:
        self._sites = sites
        self._pools = pools
        self._locks = locks
        self._started = time.monotonic()
        self.is_ready = False
        self._actions: dict[str, Action] = {
            "reload": self._reload,
            "load": self._load,
            "unload": self._unload,
        }

    def measure(self) -> dict[str, object]:
        loaded = self._pools.list_loaded()
        return {
            "ready": self.is_ready,
            "pid": os.getpid(),
            "sites": self._sites.count(),
            "loaded": loaded,
            "pools": self._pools.count_pools(),
            "loads": self._pools.loads,
            "evictions": self._pools.evictions,
            "rss_bytes": measure_memory(),
            "uptime_seconds": round(time.monotonic() - self._started, 3),
        }

    def act(self, path: str) -> dict[str, object] | None:
        """Do what ``/sites/<database>/<action>`` asks; None where there is no such thing."""
        match = SITE_ACTION.fullmatch(path)
        action = self._actions.get(match["action"]) if match else None
        return action(match["database"]) if match and action else None

    def _reload(self, database: str) -> dict[str, object]:
        site = self._sites.reload(database)
        if site is None:
            self._pools.unload(database)
            self._locks.forget(database)
            return {"state": None}
        return {"state": site.state, "hostname": site.hostname}

    def _load(self, database: str) -> dict[str, object]:
        try:
            with self._pools.using(database):
                return {"loaded": True}
        except DatabaseMissing:
            return {"loaded": False}

    def _unload(self, database: str) -> dict[str, object]:
        return {"unloaded": self._pools.unload(database)}


def start(control: Control, run_folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Listen in a thread and write ``<run_folder>/control.json`` (address, secret, process id; mode 0600)."""
    secret = secrets.token_urlsafe(32)
    server = _Server((host, port), control, secret)
    threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
    # Whoever listens on all addresses does so in a container: the host has its ports at the loopback address.
    shown = LOOPBACK if host == EVERYWHERE else host
    text = json.dumps({"host": shown, "port": server.server_address[1], "secret": secret, "pid": os.getpid()})
    temporary = run_folder / ".control.json.part"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(run_folder / "control.json")
    return server


class _Server(ThreadingHTTPServer):
    """Knows what its handlers need."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], control: Control, secret: str) -> None:
        self.control = control
        self.expected = f"Bearer {secret}".encode()
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self._is_allowed():
            self._answer(self.server.control.measure() if self.path == "/health" else None)

    def do_POST(self) -> None:
        if self._is_allowed():
            self._answer(self.server.control.act(self.path))

    def _is_allowed(self) -> bool:
        if secrets.compare_digest(self.headers.get("Authorization", "").encode(), self.server.expected):
            return True
        self.send_error(HTTPStatus.UNAUTHORIZED)
        return False

    def _answer(self, value: dict[str, object] | None) -> None:
        body = json.dumps(value).encode()
        self.send_response(HTTPStatus.NOT_FOUND if value is None else HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # The base class named it.
        """Health is asked often; what matters is logged where it happens."""
