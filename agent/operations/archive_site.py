"""Close a site, back it up, read the backup back, and only then remove the site."""

from enum import StrEnum

from agent.operations import backups, sites
from agent.operations.backups import BackupParams
from agent.operations.base import Context, Operation, Step, Urgency


class ArchiveSiteParams(BackupParams):
    """Which site, and the id of the backup that stays of it."""


class Key(StrEnum):
    LOOK = "look"
    SUSPEND = "ensure_suspended"
    WRITE = "write_backup"
    STORE = "ensure_stored"
    VERIFY = "read_back"
    DROP = "ensure_dropped"


def _suspend(context: Context[ArchiveSiteParams]) -> bool:
    params = context.params
    return context.engine.ensure_site_suspended(
        params.bench_id, params.site_id, "The site is being archived."
    )


def _drop(context: Context[ArchiveSiteParams]) -> bool:
    return context.engine.ensure_site_dropped(context.params.bench_id, context.params.site_id)


OPERATION = Operation(
    name="archive_site",
    params=ArchiveSiteParams,
    target="site",
    urgency=Urgency.DEFAULT,
    purpose="archive the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look),
        Step(key=Key.SUSPEND, title="Close the site", run=_suspend, undo=sites.bring_back_state),
        Step(key=Key.WRITE, title="Write the backup", run=backups.write_backup),
        Step(
            key=Key.STORE,
            title="Store it off the host",
            run=backups.store_backup,
            undo=backups.discard_backup,
        ),
        Step(key=Key.VERIFY, title="Read it back and compare", run=backups.read_back),
        Step(key=Key.DROP, title="Remove the site", run=_drop, irreversible=True),
    ),
    result=backups.backup_result,
)
