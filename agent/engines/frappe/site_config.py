"""``site_config.json``: what Frappe is told of a site, written by the agent from its own record of it."""

import base64
import json
import secrets
from typing import Any

from agent.engines.door.layout import refuse_link
from agent.engines.door.site_files import DoorState
from agent.engines.frappe.layout import SITE_FOLDERS, DatabaseRecord, FrappeFolder
from agent.host import files

LOCAL = ".localhost"
KEY = "encryption_key"
OURS = frozenset({"db_name", "db_password", "maintenance_mode", "pause_scheduler", "host_name"})


def make_folders(folder: FrappeFolder, site_id: str) -> None:
    """Without ``logs`` and ``locks`` Frappe answers nothing at all."""
    for name in SITE_FOLDERS:
        files.make_directory(refuse_link(folder.frappe_site(site_id) / name))


def make_key() -> str:
    """A key for the site's own secrets, as Fernet wants it: 32 bytes in URL-safe base 64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def read_key(folder: FrappeFolder, site_id: str) -> str:
    """The site's key; a new one where its settings are gone, by which old secrets cannot be read any more."""
    return str(_read(folder, site_id).get(KEY) or make_key())


def write(
    folder: FrappeFolder,
    site_id: str,
    record: DatabaseRecord,
    *,
    hostname: str,
    state: DoorState,
    key: str = "",
) -> bool:
    """Write what the site is; what its people added to it stays. Returns whether it was another."""
    known = _read(folder, site_id)
    is_open = state is DoorState.ACTIVE
    scheme = "http" if hostname.endswith(LOCAL) else "https"
    wanted: dict[str, Any] = {name: value for name, value in known.items() if name not in OURS} | {
        "db_name": record.database,
        "db_password": record.password,
        "host_name": f"{scheme}://{hostname}",
        KEY: key or known.get(KEY) or make_key(),
    }
    if not is_open:
        wanted |= {"maintenance_mode": 1, "pause_scheduler": 1}
    if wanted == known:
        return False
    files.write_atomic(folder.site_config(site_id), json.dumps(wanted, indent=1), mode=0o600)
    return True


def _read(folder: FrappeFolder, site_id: str) -> dict[str, Any]:
    try:
        found = json.loads(refuse_link(folder.site_config(site_id)).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
