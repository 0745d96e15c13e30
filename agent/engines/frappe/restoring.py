"""The steps of a restore that touch files: what is loaded beside the site, and how it takes its place."""

import json
from dataclasses import asdict
from pathlib import Path

from agent.engines.door.layout import check_name
from agent.engines.door.site_files import DoorState
from agent.engines.frappe import site_config
from agent.engines.frappe.layout import DatabaseRecord, FrappeFolder
from agent.host import files, shared_files

FILES = ("public", "private")


def make_work(folder: FrappeFolder, site_id: str, record: DatabaseRecord, socket: Path) -> Path:
    """A folder of its own for what is loaded, with settings that lead to the new database only."""
    work = folder.transfer / site_id
    files.remove_tree(work)
    files.make_directory(work / "sites" / site_id, 0o700)
    files.make_directory(work / "files", 0o700)
    files.write_atomic(work / "sites" / "common_site_config.json", json.dumps({"db_socket": str(socket)}))
    own = json.dumps({"db_name": record.database, "db_password": record.password})
    files.write_atomic(work / "sites" / site_id / "site_config.json", own, mode=0o600)
    return work


def swap(
    folder: FrappeFolder, site_id: str, record: DatabaseRecord, *, hostname: str, state: DoorState
) -> None:
    """Put record, settings and files in place, in this order: from the record on, the site is what was restored.

    The site is closed meanwhile. Killed in here, it has the restored data and not yet all files; the job goes on with it.
    """
    write_record(folder, site_id, record)
    loaded = folder.transfer / site_id / "files"
    with shared_files.opened_folder(folder.sites, check_name(site_id), make=True):
        pass
    for name in FILES:
        shared_files.remove(folder.sites, site_id, name)
        shared_files.move(loaded, folder.sites, name, site_id)
    site_config.make_folders(folder, site_id)
    site_config.write(folder, site_id, record, hostname=hostname, state=state)


def write_record(folder: FrappeFolder, site_id: str, record: DatabaseRecord) -> None:
    """From now on these are the site's data."""
    files.write_atomic(folder.data(site_id), json.dumps(asdict(record)), mode=0o600)
