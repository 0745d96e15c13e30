"""The life of a backup."""

from datetime import timedelta
from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable, Working


class BackupStatus(StrEnum):
    """Where a backup stands."""

    TAKING = "taking"
    VERIFIED = "verified"
    FAILED = "failed"


class BackupEvent(StrEnum):
    """What moves a backup."""

    VERIFY = "verify"
    FAIL = "fail"


LIFECYCLE: Lifecycle[BackupStatus, BackupEvent] = Lifecycle(
    name="backup",
    initial=BackupStatus.TAKING,
    states={
        BackupStatus.TAKING: Working(
            meaning="Being written, stored and read back.",
            target=BackupStatus.VERIFIED,
            within=timedelta(hours=2),
            on_timeout=BackupEvent.FAIL,
        ),
        BackupStatus.VERIFIED: Stable(
            meaning="Stored off the host; read back, and its checksum is right.",
            allows=frozenset({"restore"}),
        ),
        BackupStatus.FAILED: Stable(meaning="Not taken; the site was not touched by this."),
    },
    moves={
        (BackupStatus.TAKING, BackupEvent.VERIFY): (
            BackupStatus.VERIFIED,
            "The stored copy has the right checksum.",
        ),
        (BackupStatus.TAKING, BackupEvent.FAIL): (
            BackupStatus.FAILED,
            "The job failed, or its time is over.",
        ),
        # The job's news can come after its time; the copy is as good as any.
        (BackupStatus.FAILED, BackupEvent.VERIFY): (BackupStatus.VERIFIED, "It came late, and is right."),
    },
)
