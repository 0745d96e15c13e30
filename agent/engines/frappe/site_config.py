"""``site_config.json``: what Frappe is told of a site, written by the agent from its own record of it."""

import json
from collections.abc import Iterable
from typing import Any

from agent.engines.door.layout import check_name
from agent.engines.door.site_files import DoorState, SiteNote
from agent.engines.frappe.config_keys import FORBIDDEN, OURS
from agent.engines.frappe.layout import SITE_FOLDERS, DatabaseRecord, FrappeFolder, SiteSettings
from agent.host import shared_files
from agent.host.shared_files import PathUnsafe

LOCAL = ".localhost"
NAME = "site_config.json"


def make_folders(folder: FrappeFolder, site_id: str) -> None:
    """Without ``logs`` and ``locks`` Frappe answers nothing at all."""
    for name in SITE_FOLDERS:
        with shared_files.opened_folder(folder.sites, check_name(site_id), *name.split("/"), make=True):
            pass


def write(
    folder: FrappeFolder, site_id: str, record: DatabaseRecord, *, hostname: str, state: DoorState
) -> bool:
    """Write what the site is; what its people added to it stays, where it can be read. Returns whether it was another one."""
    return _write(folder, site_id, record, folder.read_settings(site_id), (), hostname=hostname, state=state)


def change(
    folder: FrappeFolder, site_id: str, record: DatabaseRecord, settings: SiteSettings, note: SiteNote
) -> bool:
    """Let these settings count, and those of before no more. Returns whether they were others."""
    before = folder.read_settings(site_id)
    gone = before.config.keys() - settings.config.keys()
    # The file that says what counted comes last: until then what is to go is known.
    told = _write(folder, site_id, record, settings, gone, hostname=note.hostname, state=note.state)
    if before == settings:
        return told
    folder.write_settings(site_id, settings)
    return True


def _write(
    folder: FrappeFolder,
    site_id: str,
    record: DatabaseRecord,
    settings: SiteSettings,
    gone: Iterable[str],
    *,
    hostname: str,
    state: DoorState,
) -> bool:
    known = _read(folder, site_id)
    scheme = "http" if hostname.endswith(LOCAL) else "https"
    dropped = OURS | FORBIDDEN | set(gone)
    kept = {name: value for name, value in known.items() if name not in dropped}
    wanted: dict[str, Any] = (
        kept
        | dict(settings.config)
        | {
            "db_name": record.database,
            "db_password": record.password,
            "encryption_key": record.key,
            "host_name": f"{scheme}://{hostname}",
        }
    )
    if settings.is_muted:
        wanted |= {"mute_emails": 1, "pause_scheduler": 1}
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
