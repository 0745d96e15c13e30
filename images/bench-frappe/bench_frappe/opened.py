"""A site as programs outside of the bench see it: with caches of their own, and nobody else at work on it."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe

from .layout import CACHE_PORT, QUEUE_PORT, RUN

REDIS = ("/usr/bin/redis-server", "--bind", "127.0.0.1", "--save", "")
START_SECONDS = 10.0


@contextmanager
def running_redis() -> Iterator[None]:
    """Frappe wants both while it changes a site; nothing of them is kept."""
    RUN.mkdir(exist_ok=True)
    started = [
        subprocess.Popen([*REDIS, "--port", str(port), "--dir", str(RUN)], stdout=subprocess.DEVNULL)
        for port in (CACHE_PORT, QUEUE_PORT)
    ]
    try:
        for port in (CACHE_PORT, QUEUE_PORT):
            _wait_for(port)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def opened(sites: Path, site: str) -> Iterator[None]:
    """The site as its administrator has it; what was not committed is lost."""
    os.chdir(sites)
    frappe.init(site=site, sites_path=str(sites))
    frappe.connect()
    frappe.set_user("Administrator")
    try:
        yield
    finally:
        frappe.destroy()


def read_common(sites: Path) -> dict[str, Any]:
    """What all sites of the folder share."""
    common: dict[str, Any] = json.loads((sites / "common_site_config.json").read_text("utf-8"))
    return common


def make_folders(folder: Path) -> None:
    """What Frappe writes to beside its sites."""
    for name in ("logs", "config"):
        (folder / name).mkdir(exist_ok=True)
