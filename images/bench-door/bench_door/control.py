"""The agent's door: HTTP on a loopback port of its own, with a secret from a file that only its owner can read."""

import json
import os
import re
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

from .sites import SiteMap

SITE_ACTION = re.compile(r"/sites/(?P<site_id>[a-z0-9][a-z0-9-]*)/(?P<action>[a-z]+)")
EVERYWHERE, LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104 - in a container of its own


class Actions(Protocol):
    """What a bench does with a site when the agent asks."""

    def load(self, site_id: str) -> bool:
        """Make it ready for its first request. Returns whether it is."""

    def unload(self, site_id: str) -> bool:
        """Forget what is remembered of its data. Returns whether there was anything."""

    def is_idle(self, site_id: str) -> bool:
        """Whether no request and no job works on its data."""

    def forget(self, site_id: str) -> None:
        """Forget all of a site that is gone."""

    def measure(self) -> dict[str, object]:
        """What the bench says about itself."""


class Control:
    """What the agent may ask: ``GET /health``, ``POST /sites/<site id>/{reload,load,unload,idle}``."""

    def __init__(self, sites: SiteMap, actions: Actions) -> None:
        self._sites = sites
        self._actions = actions
        self._started = time.monotonic()
        self.is_ready = False

    def measure(self) -> dict[str, object]:
        return {
            "ready": self.is_ready,
            "pid": os.getpid(),
            "sites": self._sites.count(),
            "uptime_seconds": round(time.monotonic() - self._started, 3),
            **self._actions.measure(),
        }

    def act(self, path: str) -> dict[str, object] | None:
        """Do what ``/sites/<site id>/<action>`` asks; None where there is no such thing."""
        match = SITE_ACTION.fullmatch(path)
        action = match["action"] if match else ""
        if match and action == "reload":
            return self._reload(match["site_id"])
        if match and action == "load":
            return {"loaded": self._actions.load(match["site_id"])}
        if match and action == "unload":
            return {"unloaded": self._actions.unload(match["site_id"])}
        if match and action == "idle":
            return {"idle": self._actions.is_idle(match["site_id"])}
        return None

    def _reload(self, site_id: str) -> dict[str, object]:
        site = self._sites.reload(site_id)
        if site is None:
            self._actions.forget(site_id)
            return {"state": None}
        return {"state": site.state, "hostname": site.hostname}


def start(sites: SiteMap, actions: Actions, run_folder: Path, address: str) -> Control:
    """Listen in a thread and write ``<run_folder>/control.json`` (address, secret, process id; mode 0600)."""
    control = Control(sites, actions)
    host, _, port = address.rpartition(":")
    secret = secrets.token_urlsafe(32)
    server = _Server((host, int(port)), control, secret)
    threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
    # Whoever listens on all addresses does so in a container: the host has its ports at the loopback address.
    shown = LOOPBACK if host == EVERYWHERE else host
    text = json.dumps({"host": shown, "port": server.server_address[1], "secret": secret, "pid": os.getpid()})
    temporary = run_folder / ".control.json.part"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(run_folder / "control.json")
    return control


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
