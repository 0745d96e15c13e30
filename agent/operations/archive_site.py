"""Close a site, back it up, read the backup back, and only then remove the site."""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from agent.engines.errors import SiteUnknown
from agent.host.clock import write_time
from agent.operations import backups, sites
from agent.operations.backups import BackupParams
from agent.operations.base import Context, Operation, Step, Urgency
from agent.operations.params import Backup, BackupKey


class ArchiveSiteParams(BackupParams):
    """Which site, and the id of the backup that stays of it."""

    backup: Backup | None = None
    """A verified backup of an earlier attempt; it stays when nothing is left that could be backed up anew."""
    backup_key: BackupKey | None = None
    """What opens that one."""

    @model_validator(mode="after")
    def _is_of_this_site(self) -> Self:
        if self.backup is not None and self.backup.site_id != self.site_id:
            raise ValueError("the backup is of another site")
        return self

    @property
    def secret_refs(self) -> tuple[str, ...]:
        return (*super().secret_refs, *((self.backup_key.secret,) if self.backup_key else ()))


class Key(StrEnum):
    LOOK = "look"
    SUSPEND = "ensure_suspended"
    WRITE = "write_backup"
    STORE = "ensure_stored"
    VERIFY = "read_back"
    DROP = "ensure_dropped"


def _look(context: Context[ArchiveSiteParams]) -> bool:
    """Note how the site stands, or that only the leftovers of an earlier attempt do."""
    params = context.params
    if context.engine.is_site_standing(params.bench_id, params.site_id):
        return sites.look_at_whole(context)
    if params.backup is None:
        raise SiteUnknown(
            f"Nothing of site {params.site_id} is left on bench {params.bench_id} that could be backed up; nothing was "
            "touched. Name the verified backup of the earlier attempt, or restore the site first."
        )
    sequel = "Nothing more was removed; check the store's disk and look for another backup."
    backups.prove(context, params.backup, params.backup_key, "earlier", sequel)
    verified = {"verified_at": write_time(context.host.clock())}
    context.notes["backup"] = params.backup.model_dump(exclude_none=True) | verified
    context.notes["only_leftovers"] = True
    context.progress(f"The site is gone already; {params.backup.location} stays of it.")
    return False


def _only_leftovers(context: Context[ArchiveSiteParams]) -> bool:
    return bool(context.notes.get("only_leftovers"))


def _suspend(context: Context[ArchiveSiteParams]) -> bool:
    if _only_leftovers(context):
        return False
    params = context.params
    return context.engine.ensure_site_suspended(
        params.bench_id, params.site_id, "The site is being archived."
    )


def _write(context: Context[ArchiveSiteParams]) -> bool:
    return not _only_leftovers(context) and backups.write_backup(context)


def _store(context: Context[ArchiveSiteParams]) -> bool:
    return not _only_leftovers(context) and backups.store_backup(context)


def _discard(context: Context[ArchiveSiteParams]) -> None:
    """Remove what this job stored; an earlier attempt's backup may be all that is left of the site."""
    earlier, store = context.params.backup, context.host.store
    if earlier is None or store.locate(backups.own_name(context)) != earlier.location:
        backups.discard_backup(context)


def _read_back(context: Context[ArchiveSiteParams]) -> bool:
    return not _only_leftovers(context) and backups.read_back(context)


OPERATION = Operation(
    name="archive_site",
    params=ArchiveSiteParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="archive the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=_look),
        Step(key=Key.SUSPEND, title="Close the site", run=_suspend, undo=sites.bring_back_state),
        Step(key=Key.WRITE, title="Write the backup", run=_write),
        Step(key=Key.STORE, title="Store it off the host", run=_store, undo=_discard),
        Step(key=Key.VERIFY, title="Read it back and compare", run=_read_back),
        Step(
            key=Key.DROP,
            title="Remove the site",
            run=sites.drop,
            irreversible=True,
            patience_seconds=sites.DROP_PATIENCE_SECONDS,
        ),
    ),
    result=backups.backup_result,
    receipt=backups.find_receipt,
)
