"""``site_config.json``: what Frappe is told of a site, written by the agent from its own record of it."""

import json
from typing import Any

from agent.engines.door.layout import check_name
from agent.engines.door.site_files import DoorState
from agent.engines.frappe.layout import SITE_FOLDERS, DatabaseRecord, FrappeFolder
from agent.host import shared_files
from agent.host.shared_files import PathUnsafe

LOCAL = ".localhost"
NAME = "site_config.json"
OURS = frozenset(
    {
        "db_name",
        "db_password",
        "db_socket",
        "maintenance_mode",
        "pause_scheduler",
        "host_name",
        "encryption_key",
    }
)
FORBIDDEN = frozenset(
    {"db_host", "db_port", "db_type", "extra_config", "developer_mode", "server_script_enabled"}
)
"""What would lead a site elsewhere or run code; nobody but us says such things."""


def make_folders(folder: FrappeFolder, site_id: str) -> None:
    """Without ``logs`` and ``locks`` Frappe answers nothing at all."""
    for name in SITE_FOLDERS:
        with shared_files.opened_folder(folder.sites, check_name(site_id), *name.split("/"), make=True):
            pass


def write(
    folder: FrappeFolder, site_id: str, record: DatabaseRecord, *, hostname: str, state: DoorState
) -> bool:
    """Write what the site is; what its people added to it stays, where it can be read. Returns whether it was another."""
    known = _read(folder, site_id)
    scheme = "http" if hostname.endswith(LOCAL) else "https"
    kept = {name: value for name, value in known.items() if name not in OURS | FORBIDDEN}
    wanted: dict[str, Any] = kept | {
        "db_name": record.database,
        "db_password": record.password,
        "encryption_key": record.key,
        "host_name": f"{scheme}://{hostname}",
    }
    if state is not DoorState.ACTIVE:
        wanted |= {"maintenance_mode": 1, "pause_scheduler": 1}
    if wanted == known:
        return False
    shared_files.write_whole(folder.sites, check_name(site_id), NAME, text=json.dumps(wanted, indent=1))
    return True


def _read(folder: FrappeFolder, site_id: str) -> dict[str, Any]:
    try:
        found = json.loads(shared_files.read_small(folder.sites, check_name(site_id), NAME))
    except (FileNotFoundError, ValueError, RecursionError, PathUnsafe):
        return {}
    return found if isinstance(found, dict) else {}
