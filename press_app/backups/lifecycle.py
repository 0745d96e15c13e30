"""The life of a backup."""

from datetime import timedelta
from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable, Working


class BackupStatus(StrEnum):
    """Where a backup stands."""

    TAKING = "taking"
    VERIFIED = "verified"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class BackupEvent(StrEnum):
    """What moves a backup."""

    VERIFY = "verify"
    FAIL = "fail"
    EXPIRE = "expire"
    DELETE = "delete"
    KEEP = "keep"


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
        BackupStatus.DELETING: Working(
            meaning="Its time is over; its host was told to remove it from the store.",
            target=BackupStatus.DELETED,
            within=timedelta(hours=6),
            on_timeout=BackupEvent.KEEP,
        ),
        BackupStatus.DELETED: Stable(meaning="Not in the store any more; the row says since when and why."),
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
        (BackupStatus.VERIFIED, BackupEvent.EXPIRE): (BackupStatus.DELETING, "Its time is over."),
        (BackupStatus.DELETING, BackupEvent.DELETE): (BackupStatus.DELETED, "The store holds it no more."),
        (BackupStatus.DELETING, BackupEvent.KEEP): (
            BackupStatus.VERIFIED,
            "A lock keeps it, or the store could not be asked; it is tried again later.",
        ),
        # The job's news can come after its time; the copy is as good as any.
        (BackupStatus.FAILED, BackupEvent.VERIFY): (BackupStatus.VERIFIED, "It came late, and is right."),
    },
)
