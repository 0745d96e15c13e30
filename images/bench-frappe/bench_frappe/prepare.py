"""Make a folder of sites fit for the programs of this image, whatever image it was used by before."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from .layout import APPS_LIST, ASSETS, CACHE_PORT, QUEUE_PORT, REALTIME_PORT


def prepare_sites(sites: Path, database: str, bench_id: str) -> None:
    """Write what all sites share. ``database`` is ``unix:///path/of/socket`` or ``tcp://host:port``."""
    link = sites / "assets"
    if not link.is_symlink() or link.readlink() != ASSETS:
        fresh = sites / ".assets"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(ASSETS)
        fresh.replace(link)
    _write(sites / "apps.txt", APPS_LIST.read_text("utf-8"))
    common = {
        **_describe_database(database),
        "redis_cache": f"redis://127.0.0.1:{CACHE_PORT}",
        "redis_queue": f"redis://127.0.0.1:{QUEUE_PORT}",
        "redis_socketio": f"redis://127.0.0.1:{QUEUE_PORT}",
        "socketio_port": REALTIME_PORT,
        # Names of queues hang on it; the path, which Frappe takes otherwise, may be another one tomorrow.
        "bench_id": bench_id,
        "dns_multitenant": True,
        "disable_website_cache": False,
        "server_script_enabled": False,
        "developer_mode": 0,
    }
    _write(sites / "common_site_config.json", json.dumps(common, indent=1))


def prepare_site(folder: Path, database: str, password: str) -> None:
    """Write the settings of a site whose database stands, and the folders without which Frappe answers nothing."""
    for name in ("logs", "locks", "private/files", "public/files"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write(folder / "site_config.json", json.dumps({"db_name": database, "db_password": password}))


def _describe_database(address: str) -> dict[str, object]:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        return {"db_type": "mariadb", "db_socket": parts.path}
    return {"db_type": "mariadb", "db_host": parts.hostname, "db_port": parts.port or 3306}


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.part")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)
