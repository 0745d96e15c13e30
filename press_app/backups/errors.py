"""What can be wrong with a backup."""

from press_app.errors import Conflict, NotFound


class BackupUnknown(NotFound):
    """No such backup."""

    code = "backup_unknown"


class BackupNotVerified(Conflict):
    """It was not read back, so nothing is made from it."""

    code = "backup_not_verified"
