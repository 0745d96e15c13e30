"""The web program: ``python -m bench_frappe.web --directory … --control …``, in the folder of sites."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from bench_door.claims import Claims
from bench_door.control import start
from bench_door.running import die_with_parent
from bench_door.sites import SiteMap
from bench_door.static_files import StaticFiles
from gunicorn.app.base import BaseApplication

from .layout import CACHE_PORT, QUEUE_PORT, WEB_SOCKET, BenchFolder

OWN_PAGES = Path(__file__).parent / "own"


class Web(BaseApplication):  # type: ignore[misc]
    """One gunicorn worker with threads: what it knows of its sites lives in one process."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": f"unix:{WEB_SOCKET}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._options.threads,
            "timeout": 120,
            "graceful_timeout": 30,
            "keepalive": 30,
            "worker_tmp_dir": "/dev/shm",  # noqa: S108 - memory, so that a slow disk looks like no hung worker
            "forwarded_allow_ips": "*",
            "proc_name": "bench-frappe",
            "loglevel": "warning",
            "post_fork": lambda _arbiter, _worker: die_with_parent(),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return assemble(BenchFolder(self._options.directory.resolve()), self._options.control)


def assemble(folder: BenchFolder, control_address: str) -> Any:
    """Put the parts together in the worker process, and say ready."""
    from .actions import FrappeActions
    from .at_work import Requests
    from .gateway import Gateway

    cache = redis.Redis(port=CACHE_PORT, socket_timeout=5, retry_on_timeout=True)
    # CSS is named anew in every build; what an older image left behind would lead to files that are gone.
    cache.delete("assets_json", "assets_json_rtl")
    sites = SiteMap(folder.doors)
    sites.load_all()
    queue = redis.Redis(port=QUEUE_PORT, socket_timeout=5, retry_on_timeout=True)
    requests = Requests()
    actions = FrappeActions(folder, cache, queue, requests)
    control = start(sites, actions, folder.run, control_address)
    gateway = Gateway(sites, Claims(folder.path), StaticFiles(OWN_PAGES), requests)
    control.is_ready = True
    return gateway


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.web", description=__doc__)
    parser.add_argument("--directory", required=True, type=Path)
    parser.add_argument("--control", required=True, help="address:port of the agent's door")
    parser.add_argument("--threads", type=int, default=8)
    Web(parser.parse_args(argv)).run()


if __name__ == "__main__":
    main()
