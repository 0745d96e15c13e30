"""Back a site up while it serves, and read the backup back."""

from enum import StrEnum

from agent.operations import backups, sites
from agent.operations.backups import BackupParams
from agent.operations.base import Operation, Step, Urgency


class TakeBackupParams(BackupParams):
    """Which site, and the backup's id."""


class Key(StrEnum):
    LOOK = "look"
    WRITE = "write_backup"
    STORE = "ensure_stored"
    VERIFY = "read_back"


OPERATION = Operation(
    name="take_backup",
    params=TakeBackupParams,
    target="site",
    urgency=Urgency.BACKUP,
    purpose="back up the site",
    steps=(
        Step(key=Key.LOOK, title="Look how the site stands", run=sites.look_at_whole),
        Step(key=Key.WRITE, title="Write the backup", run=backups.write_backup),
        Step(
            key=Key.STORE,
            title="Store it off the host",
            run=backups.store_backup,
            undo=backups.discard_backup,
        ),
        Step(key=Key.VERIFY, title="Read it back and compare", run=backups.read_back),
    ),
    result=backups.backup_result,
    receipt=backups.find_receipt,
)
