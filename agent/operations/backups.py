"""Steps that make a backup and prove that it can be read back."""

from pathlib import Path
from typing import Any

from agent.errors import AgentError
from agent.host import files
from agent.host.clock import write_time
from agent.operations.base import Context
from agent.operations.errors import BackupDamaged
from agent.operations.params import SiteParams, Uuid
from agent.stores.errors import BackupLocked


class BackupParams(SiteParams):
    """Operations that make a backup."""

    backup_id: Uuid


def fetch(context: Context[Any], location: str, sha256: str, name: str, sequel: str) -> Path:
    """Fetch a stored object into the job's folder and compare it. Raises :class:`BackupDamaged` with ``sequel``."""
    path = context.work_dir / name
    context.host.store.read_back(location, path)
    if files.sha256_of(path) != sha256:
        raise BackupDamaged(f"{location} reads back with other content than was stored. {sequel}")
    return path


def write_backup(context: Context[BackupParams]) -> bool:
    """Write the site's data into a file of the job's own folder."""
    path = context.work_dir / "backup"
    taken_at = context.host.clock()
    context.engine.write_backup(context.params.bench_id, context.params.site_id, path)
    context.notes["backup"] = {
        "id": context.params.backup_id,
        "site_id": context.params.site_id,
        "engine": context.engine.name,
        "size_bytes": files.size_of(path),
        "sha256": files.sha256_of(path),
        "taken_at": write_time(taken_at),
    }
    context.progress(f"{context.notes['backup']['size_bytes']} bytes")
    return True


def store_backup(context: Context[BackupParams]) -> bool:
    """Put the file into the store, off the host."""
    location = context.host.store.put(own_name(context), context.work_dir / "backup")
    context.notes["backup"]["location"] = location
    return True


def own_name(context: Context[BackupParams]) -> str:
    """What the job's own backup is called in the store."""
    return f"{context.params.site_id}/{context.params.backup_id}"


def discard_backup(context: Context[BackupParams]) -> None:
    """Remove what the job stored, whole or in halves; from then on it is promised to nobody.

    A lock that keeps it is no failure of the job: it stays, is of no use to anybody, and can be deleted when the lock ends.
    """
    backup = context.notes.get("backup", {})
    backup.pop("verified_at", None)
    store = context.host.store
    try:
        store.delete(store.locate(own_name(context)))
    except BackupLocked as locked:
        context.progress(locked.message)
    except AgentError as error:
        if "location" in backup:
            raise
        # It was not stored; halves of it are no backup, and the store is what failed in the first place.
        context.progress(error.message)


def read_back(context: Context[BackupParams]) -> bool:
    """Fetch the stored object and compare it. Raises :class:`BackupDamaged`."""
    backup = context.notes["backup"]
    sequel = "The site was not removed; check the store's disk and send the job with a new backup id."
    files.remove_tree(fetch(context, backup["location"], backup["sha256"], "read-back", sequel))
    backup["verified_at"] = write_time(context.host.clock())
    return False


def find_receipt(context: Context[BackupParams]) -> dict[str, Any] | None:
    """Return the backup that was read back and still stands after the job has failed."""
    backup = context.notes.get("backup", {})
    return {"backup": backup} if backup.get("verified_at") else None


def backup_result(context: Context[BackupParams]) -> dict[str, Any]:
    return {"backup": context.notes["backup"]}
