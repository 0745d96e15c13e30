"""Run the bench: ``python -m bench_tryton.serve --directory … --web-root … --templates … --listen 127.0.0.1:18100``."""

import argparse
import gc
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_door.running import die_with_parent, find_proxy
from gunicorn.app.base import BaseApplication
from trytond import config as trytond_config

OWN_PAGES = Path(__file__).parent / "own"
logger = logging.getLogger("bench_tryton")


class Bench(BaseApplication):  # type: ignore[misc]
    """One gunicorn worker: the lock and the pools of a tenant live in one process."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": self._options.listen,
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._options.threads,
            "timeout": 120,
            "graceful_timeout": 8,
            "keepalive": 30,
            "control_socket_disable": True,
            "forwarded_allow_ips": find_proxy(self._options.listen),
            "proc_name": "bench-tryton",
            "loglevel": "warning",
            "post_fork": lambda _arbiter, _worker: die_with_parent(),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return assemble(self._options)


def configure(options: argparse.Namespace) -> None:
    """Tell Tryton where the databases are; must come before the first import of its web parts."""
    for section, option, value in (
        ("database", "uri", "sqlite://"),
        ("database", "path", str(options.directory / "databases")),
        ("database", "list", "False"),
        ("web", "root", ""),
        ("session", "max_attempt_ip_network", "100"),
        ("request", "max_size_authenticated", str(64 * 1024 * 1024)),
    ):
        trytond_config.set(section, option, value)


def assemble(options: argparse.Namespace) -> Any:
    """Put the parts together in the worker process, load the templates' pools, and say ready."""
    configure(options)
    from bench_door.control import start
    from bench_door.sites import SiteMap
    from bench_door.static_files import StaticFiles
    from trytond.pool import Pool

    from . import site_settings
    from .actions import TrytonActions
    from .gateway import Gateway, wrap_proxy
    from .login_link import LoginLinks
    from .pools import PoolKeeper
    from .tenant_lock import TenantLocks

    directory: Path = options.directory
    for name in ("databases", "locks", "run", "used"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    Pool.start()
    sites = SiteMap(directory / "sites")
    sites.load_all()
    site_settings.apply(sites)
    locks = TenantLocks(directory / "locks", options.lock_seconds)
    pools = PoolKeeper(
        directory / "databases",
        max_databases=options.max_databases,
        max_memory_bytes=options.max_memory_mb << 20,
        is_sharing=not options.own_pools,
    )
    control = start(sites, TrytonActions(pools, locks), directory / "run", options.control)
    pin_templates(pools, options.templates, directory / "databases")
    links = LoginLinks(directory, pools)
    gateway = Gateway(sites, locks, pools, links, StaticFiles(options.web_root), StaticFiles(OWN_PAGES))
    gc.freeze()
    control.is_ready = True
    return wrap_proxy(gateway, options.num_proxies)


def pin_templates(pools: Any, templates: Path, databases: Path) -> None:
    """Load each template's pool from a private copy: opening a database may write to it, and templates are shared."""
    folder = databases / ".pinned"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for template in sorted(templates.glob("*.sqlite")):
        shutil.copyfile(template, folder / template.name)
        pools.pin(f".pinned/{template.stem}")
    shutil.rmtree(folder)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench_tryton.serve", description=__doc__)
    parser.add_argument(
        "--directory",
        required=True,
        type=Path,
        help="databases, locks, run, used; sites and tokens are only read",
    )
    parser.add_argument("--web-root", required=True, type=Path)
    parser.add_argument(
        "--templates", required=True, type=Path, help="folder of templates whose pools are kept loaded"
    )
    parser.add_argument("--listen", required=True, help="address:port of the public door")
    parser.add_argument(
        "--control", default="127.0.0.1:0", help="address:port of the agent's door; 0 picks one"
    )
    parser.add_argument("--threads", type=int, default=12)
    parser.add_argument("--num-proxies", type=int, default=1)
    parser.add_argument("--max-databases", type=int, default=500)
    parser.add_argument("--max-memory-mb", type=int, default=700)
    parser.add_argument("--own-pools", action="store_true", help="one pool per database, as upstream has it")
    parser.add_argument("--lock-seconds", type=float, default=30.0)
    options = parser.parse_args(argv)
    options.directory = options.directory.resolve()
    return options


def main(argv: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    Bench(parse(argv)).run()


if __name__ == "__main__":
    main()
