"""The programs of a bench as configuration of nginx and supervisord."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2

from .layout import (
    ASKING_PORT,
    ASSETS,
    CACHE_PORT,
    HOME,
    PRINTING_PORT,
    PYTHON,
    QUEUE_PORT,
    REALTIME_PORT,
    RUN,
    WEB_SOCKET,
    BenchFolder,
)

MAX_UPLOAD = "50m"
DRAIN_SECONDS = 1560
"""How long a worker may finish its job: Frappe gives the longest 1,500 s."""
GZIPPED = "text/css text/javascript application/javascript application/json image/svg+xml text/plain font/ttf"


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What the agent said about this bench."""

    folder: BenchFolder
    listen: str
    control: str
    gateway: str
    """The only address that may say on whose behalf it asks."""
    threads: int
    workers: int
    is_root: bool


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program under supervisord.

    All are stopped in the reverse order of their priorities: while a worker finishes its job, pages are still answered.
    """

    name: str
    command: str
    priority: int
    stop_seconds: int = 10
    stop_signal: str = "TERM"


def list_programs(bench: Serving) -> Iterator[Program]:
    """Everything that a bench runs."""
    helper = f"{PYTHON} -m frappe.utils.bench_helper frappe"
    redis = (
        f"/usr/bin/redis-server --bind 127.0.0.1 --daemonize no --dir {bench.folder.queue} --loglevel warning"
    )
    web = f"{PYTHON} -m bench_frappe.web --directory {bench.folder.path} --control {bench.control}"
    cache = f"--port {CACHE_PORT} --save '' --maxmemory 64mb --maxmemory-policy allkeys-lru"
    yield Program(name="cache", command=f"{redis} {cache}", priority=1)
    yield Program(name="queue", command=f"{redis} --port {QUEUE_PORT} --appendonly yes --save ''", priority=1)
    yield Program(name="realtime", command=f"/usr/bin/node {HOME}/apps/frappe/socketio.js", priority=3)
    yield Program(name="web", command=f"{web} --threads {bench.threads}", priority=5, stop_seconds=40)
    nginx = f"/usr/sbin/nginx -c {RUN}/nginx.conf"
    yield Program(name="nginx", command=nginx, priority=6, stop_signal="QUIT")
    worker = f"{helper} worker --queue short,default,long"
    for number in range(bench.workers):
        yield Program(name=f"worker-{number}", command=worker, priority=8, stop_seconds=DRAIN_SECONDS)
    yield Program(name="scheduler", command=f"{helper} schedule", priority=9)


def write_configuration(bench: Serving, to: Path) -> None:
    """Write ``nginx.conf`` and ``supervisord.conf``."""
    values = {
        "run": RUN,
        "sites": bench.folder.sites,
        "assets": ASSETS,
        "web_socket": WEB_SOCKET,
        "asking_port": ASKING_PORT,
        "realtime_port": REALTIME_PORT,
        "printing_port": PRINTING_PORT,
        "max_upload": MAX_UPLOAD,
        "gzipped": GZIPPED,
        "gateway": bench.gateway,
        "listen": bench.listen,
        "is_root": bench.is_root,
        "programs": list(list_programs(bench)),
    }
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no page
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("nginx.conf", "supervisord.conf"):
        (to / name).write_text(templates.get_template(f"{name}.j2").render(values) + "\n", "utf-8")
