"""Steps that make a backup, encrypt it, and prove that it can be read back."""

from pathlib import Path
from typing import Any

from agent.errors import AgentError
from agent.host import files
from agent.host.clock import write_time
from agent.operations.base import Context
from agent.operations.errors import BackupDamaged
from agent.operations.params import Backup, BackupKey, SiteParams, Uuid
from agent.stores import sealing
from agent.stores.errors import BackupLocked, SealKeyWrong
from agent.stores.sealing import SealKey

PLAIN, SEALED = "backup", "sealed"
"""Files of the job's own folder."""


class BackupParams(SiteParams):
    """Operations that make a backup."""

    backup_id: Uuid
    key: BackupKey | None = None
    """Encrypts it; a control plane of an earlier version names none."""

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return () if self.key is None else (self.key.secret,)


def open_key(context: Context[Any], key: BackupKey) -> SealKey:
    """Fetch the key that the params name. Raises ``secrets_refused``."""
    return SealKey(key.id, context.get_secret(key.secret))


def fetch(context: Context[Any], backup: Backup, key: BackupKey | None, name: str, sequel: str) -> Path:
    """Fetch what is stored into the job's folder, compared and decrypted. Raises ``backup_damaged``, ``backup_key_wrong``."""
    path = context.work_dir / name
    sealed = _fetch_stored(context, backup, f"{name}-{SEALED}", sequel)
    if backup.key_id is None:
        files.move(sealed, path)
        return path
    _compare_content(backup, sealing.unseal(sealed, _get_key(context, backup, key), path).sha256, sequel)
    files.remove_tree(sealed)
    return path


def prove(context: Context[Any], backup: Backup, key: BackupKey | None, name: str, sequel: str) -> None:
    """Read the stored object back, compare it and what it holds, and leave nothing of it here."""
    sealed = _fetch_stored(context, backup, name, sequel)
    if backup.key_id is not None:
        _compare_content(backup, sealing.unseal(sealed, _get_key(context, backup, key)).sha256, sequel)
    files.remove_tree(sealed)


def _fetch_stored(context: Context[Any], backup: Backup, name: str, sequel: str) -> Path:
    path = context.work_dir / name
    context.host.store.read_back(backup.location, path)
    if files.sha256_of(path) != backup.sha256:
        raise BackupDamaged(f"{backup.location} reads back with other content than was stored. {sequel}")
    return path


def _compare_content(backup: Backup, sha256: str, sequel: str) -> None:
    if sha256 != backup.content_sha256:
        raise BackupDamaged(f"{backup.location} holds other data than were written. {sequel}")


def _get_key(context: Context[Any], backup: Backup, key: BackupKey | None) -> SealKey:
    if key is None or key.id != backup.key_id:
        raise SealKeyWrong(
            f"Backup {backup.id} opens with key {backup.key_id} alone, and the job does not name it. Nothing was touched; send "
            "the job with that key."
        )
    return open_key(context, key)


def write_backup(context: Context[BackupParams]) -> bool:
    """Write the site's data into a file of the job's own folder, and encrypt them."""
    keep(context)
    if context.params.key is not None:
        files.remove_tree(context.work_dir / PLAIN)
    return True


def keep(context: Context[BackupParams]) -> bool:
    """Write and encrypt them, and leave what is not encrypted in the job's folder, for the way back."""
    params, path = context.params, context.work_dir / PLAIN
    taken_at = context.host.clock()
    context.engine.write_backup(params.bench_id, params.site_id, path)
    facts: dict[str, Any]
    if params.key is None:
        facts = {"size_bytes": files.size_of(path), "sha256": files.sha256_of(path)}
    else:
        plain, sealed = sealing.seal(path, context.work_dir / SEALED, open_key(context, params.key))
        facts = {
            "size_bytes": sealed.size,
            "sha256": sealed.sha256,
            "content_bytes": plain.size,
            "content_sha256": plain.sha256,
            "key_id": params.key.id,
        }
    context.notes["backup"] = {
        "id": params.backup_id,
        "site_id": params.site_id,
        "engine": context.engine.name,
        **facts,
        "taken_at": write_time(taken_at),
    }
    context.progress(f"{facts['size_bytes']} bytes{', encrypted' if params.key else ''}")
    return True


def store_backup(context: Context[BackupParams]) -> bool:
    """Put the file into the store, off the host."""
    path = context.work_dir / (PLAIN if context.params.key is None else SEALED)
    context.notes["backup"]["location"] = context.host.store.put(own_name(context), path)
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
    """Fetch the stored object, compare it, and decrypt it to compare what it holds. Raises :class:`BackupDamaged`."""
    backup = context.notes["backup"]
    sequel = "The site was not removed; check the store's disk and send the job with a new backup id."
    prove(context, Backup.model_validate(backup), context.params.key, "read-back", sequel)
    backup["verified_at"] = write_time(context.host.clock())
    return False


def find_receipt(context: Context[BackupParams]) -> dict[str, Any] | None:
    """Return the backup that was read back and still stands after the job has failed."""
    backup = context.notes.get("backup", {})
    return {"backup": backup} if backup.get("verified_at") else None


def backup_result(context: Context[BackupParams]) -> dict[str, Any]:
    return {"backup": context.notes["backup"]}
