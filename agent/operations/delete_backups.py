"""Remove backups that are over from the store; what is gone or locked is no failure."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import PLAIN, SiteParams, Strict, Uuid
from agent.stores.errors import BackupLocked, StoreMisnamed


class StoredBackup(Strict):
    """One that is over, and where it stands."""

    id: Uuid
    location: Annotated[str, StringConstraints(max_length=600, pattern=rf"^[a-z0-9]+:{PLAIN}(/{PLAIN})*$")]


class DeleteBackupsParams(SiteParams):
    """Which backups of which site; the site itself need not stand any more."""

    backups: Annotated[tuple[StoredBackup, ...], Field(min_length=1, max_length=200)]


class Key(StrEnum):
    DELETE = "ensure_deleted"


def _delete(context: Context[DeleteBackupsParams]) -> bool:
    """Remove one after the other. A run that was killed begins again, and finds some of them missing."""
    notes = context.notes
    notes.update(deleted=[], missing=[], locked=[], foreign=[])
    for backup in context.params.backups:
        try:
            is_there = context.host.store.delete(backup.location)
            notes["deleted" if is_there else "missing"].append(backup.id)
        except BackupLocked as locked:
            notes["locked"].append({"id": backup.id, "until": locked.until})
            context.progress(locked.message)
        except StoreMisnamed as foreign:
            notes["foreign"].append(backup.id)
            context.progress(foreign.message)
    return bool(notes["deleted"])


def _result(context: Context[DeleteBackupsParams]) -> dict[str, Any]:
    return {name: context.notes[name] for name in ("deleted", "missing", "locked", "foreign")}


OPERATION = Operation(
    name="delete_backups",
    params=DeleteBackupsParams,
    target="site",
    urgency=Urgency.BACKUP,
    purpose="delete backups that are over",
    steps=(Step(key=Key.DELETE, title="Remove them from the store", run=_delete),),
    result=_result,
)
