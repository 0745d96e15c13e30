"""The life of a site."""

from datetime import timedelta
from enum import StrEnum

from press_app.kit.lifecycle import Lifecycle, Stable, Working


class SiteStatus(StrEnum):
    """Where a site stands."""

    RESERVED = "reserved"
    INSTALLING = "installing"
    ACTIVE = "active"
    SUSPENDING = "suspending"
    SUSPENDED = "suspended"
    RESUMING = "resuming"
    ARCHIVING = "archiving"
    ARCHIVED = "archived"
    RESTORING = "restoring"
    UPDATING = "updating"
    PURGED = "purged"
    BROKEN = "broken"


class SiteEvent(StrEnum):
    """What moves a site."""

    INSTALL = "install"
    INSTALLED = "installed"
    INSTALL_UNDONE = "install_undone"
    SUSPEND = "suspend"
    SUSPENDED = "suspended"
    RESUME = "resume"
    RESUMED = "resumed"
    ARCHIVE = "archive"
    ARCHIVED = "archived"
    ARCHIVE_REFUSED = "archive_refused"
    RESTORE = "restore"
    RESTORED = "restored"
    RESTORE_UNDONE = "restore_undone"
    UPDATE = "update"
    UPDATED = "updated"
    ABANDON = "abandon"
    PURGE = "purge"
    FAIL = "fail"


class Wanted(StrEnum):
    """What a site should be; whether it runs then depends on its holds."""

    RUNNING = "running"
    ARCHIVED = "archived"


class ChangeKind(StrEnum):
    """What can be changed of a site while it stands."""

    APPS = "apps"
    RENAME = "rename"
    MOVE = "move"
    CONFIG = "config"


class AddressKind(StrEnum):
    """What a host name is to its site."""

    NAME = "name"
    """Its name below the platform's domain, or the one that it is about to get."""
    FORMER = "former"
    """The name that it had; leads to the present one for some time."""


class HoldKind(StrEnum):
    """Who suspends a site. It is suspended while any hold stands."""

    BILLING = "billing"
    OPERATOR = "operator"
    QUOTA = "quota"
    SECURITY = "security"


_MINUTES = timedelta(minutes=1)
_SERVING = frozenset({"login", "backup", "restore", "password", "change", "config"})

LIFECYCLE: Lifecycle[SiteStatus, SiteEvent] = Lifecycle(
    name="site",
    initial=SiteStatus.RESERVED,
    states={
        SiteStatus.RESERVED: Stable(meaning="The name is taken; it is made as soon as a bench has room."),
        SiteStatus.INSTALLING: Working(
            meaning="Cloned, set up and opened at the edge.",
            target=SiteStatus.ACTIVE,
            within=10 * _MINUTES,
            on_timeout=SiteEvent.FAIL,
        ),
        SiteStatus.ACTIVE: Stable(meaning="Answers through the edge.", allows=_SERVING),
        SiteStatus.SUSPENDING: Working(
            meaning="Closed at the edge; being closed on the host.",
            target=SiteStatus.SUSPENDED,
            within=5 * _MINUTES,
            on_timeout=SiteEvent.FAIL,
        ),
        SiteStatus.SUSPENDED: Stable(
            meaning="Answers 402 and says why; data stay.", allows=frozenset({"backup", "restore", "config"})
        ),
        SiteStatus.RESUMING: Working(
            meaning="Being opened on the host, then at the edge.",
            target=SiteStatus.ACTIVE,
            within=5 * _MINUTES,
            on_timeout=SiteEvent.FAIL,
        ),
        SiteStatus.ARCHIVING: Working(
            meaning="Backed up, read back, then removed from the host.",
            target=SiteStatus.ARCHIVED,
            within=60 * _MINUTES,
            on_timeout=SiteEvent.FAIL,
        ),
        SiteStatus.ARCHIVED: Stable(
            meaning="Only its verified backup stands; can be brought back.",
            allows=frozenset({"undo", "config"}),
        ),
        SiteStatus.RESTORING: Working(
            meaning="Made again from a backup, then opened at the edge.",
            target=SiteStatus.ACTIVE,
            within=60 * _MINUTES,
            on_timeout=SiteEvent.FAIL,
        ),
        SiteStatus.UPDATING: Working(
            meaning="Its apps, its name or its bench are being changed; closed for as long as the data are touched.",
            target=SiteStatus.ACTIVE,
            within=60 * _MINUTES,
            on_timeout=SiteEvent.FAIL,
        ),
        SiteStatus.PURGED: Stable(meaning="Gone for good; the name is free."),
        SiteStatus.BROKEN: Stable(
            meaning="A step failed; what to do stands in its error.", allows=frozenset({"backup", "restore"})
        ),
    },
    moves={
        (SiteStatus.RESERVED, SiteEvent.INSTALL): (SiteStatus.INSTALLING, "A bench has room."),
        (SiteStatus.RESERVED, SiteEvent.ABANDON): (SiteStatus.PURGED, "It was ended before it was made."),
        (SiteStatus.INSTALLING, SiteEvent.INSTALLED): (SiteStatus.ACTIVE, "The edge answers with it."),
        (SiteStatus.INSTALLING, SiteEvent.INSTALL_UNDONE): (
            SiteStatus.RESERVED,
            "It failed, and nothing was left; tried again.",
        ),
        (SiteStatus.INSTALLING, SiteEvent.FAIL): (SiteStatus.BROKEN, "It failed, or its time is over."),
        (SiteStatus.ACTIVE, SiteEvent.SUSPEND): (SiteStatus.SUSPENDING, "A hold was placed."),
        (SiteStatus.SUSPENDING, SiteEvent.SUSPENDED): (SiteStatus.SUSPENDED, "Host and edge are closed."),
        (SiteStatus.SUSPENDING, SiteEvent.FAIL): (
            SiteStatus.BROKEN,
            "The host could not close it; the edge stays closed.",
        ),
        (SiteStatus.SUSPENDED, SiteEvent.RESUME): (SiteStatus.RESUMING, "The last hold was lifted."),
        (SiteStatus.RESUMING, SiteEvent.RESUMED): (SiteStatus.ACTIVE, "The edge answers with it."),
        (SiteStatus.RESUMING, SiteEvent.FAIL): (SiteStatus.BROKEN, "The host could not open it."),
        (SiteStatus.ACTIVE, SiteEvent.ARCHIVE): (
            SiteStatus.ARCHIVING,
            "Nothing is subscribed any more, or its owner asked.",
        ),
        (SiteStatus.SUSPENDED, SiteEvent.ARCHIVE): (
            SiteStatus.ARCHIVING,
            "Nothing is subscribed any more, or its owner asked.",
        ),
        (SiteStatus.BROKEN, SiteEvent.ARCHIVE): (SiteStatus.ARCHIVING, "Its data are saved before it goes."),
        (SiteStatus.ARCHIVING, SiteEvent.ARCHIVED): (
            SiteStatus.ARCHIVED,
            "The backup was read back and the host holds nothing.",
        ),
        (SiteStatus.ARCHIVING, SiteEvent.ARCHIVE_REFUSED): (
            SiteStatus.SUSPENDED,
            "It failed before anything was removed; tried again.",
        ),
        (SiteStatus.ARCHIVING, SiteEvent.FAIL): (SiteStatus.BROKEN, "It failed, or its time is over."),
        (SiteStatus.ARCHIVED, SiteEvent.RESTORE): (SiteStatus.RESTORING, "It is wanted again."),
        (SiteStatus.ARCHIVED, SiteEvent.PURGE): (
            SiteStatus.PURGED,
            "Its archive is given up. Nothing does this by itself: archives are kept.",
        ),
        (SiteStatus.ACTIVE, SiteEvent.RESTORE): (
            SiteStatus.RESTORING,
            "Its owner wants the data of a backup.",
        ),
        (SiteStatus.SUSPENDED, SiteEvent.RESTORE): (
            SiteStatus.RESTORING,
            "Its owner wants the data of a backup.",
        ),
        (SiteStatus.BROKEN, SiteEvent.RESTORE): (SiteStatus.RESTORING, "Repaired from a backup."),
        (SiteStatus.RESTORING, SiteEvent.RESTORED): (SiteStatus.ACTIVE, "The edge answers with it."),
        (SiteStatus.RESTORING, SiteEvent.FAIL): (SiteStatus.BROKEN, "It failed, or its time is over."),
        (SiteStatus.RESTORING, SiteEvent.RESTORE_UNDONE): (
            SiteStatus.ARCHIVED,
            "It failed, and nothing was left on the host; its backup stands.",
        ),
        (SiteStatus.ACTIVE, SiteEvent.UPDATE): (SiteStatus.UPDATING, "Other apps, name or bench are wanted."),
        (SiteStatus.UPDATING, SiteEvent.UPDATED): (
            SiteStatus.ACTIVE,
            "The edge answers with it, changed, or as it was where the change failed and was undone.",
        ),
        (SiteStatus.UPDATING, SiteEvent.FAIL): (
            SiteStatus.BROKEN,
            "It failed half-way, or its time is over.",
        ),
        (SiteStatus.BROKEN, SiteEvent.INSTALL): (SiteStatus.INSTALLING, "Tried again; the steps converge."),
        (SiteStatus.BROKEN, SiteEvent.SUSPEND): (SiteStatus.SUSPENDING, "Tried again, or a hold was placed."),
        (SiteStatus.BROKEN, SiteEvent.RESUME): (SiteStatus.RESUMING, "Tried again."),
        (SiteStatus.BROKEN, SiteEvent.UPDATE): (SiteStatus.UPDATING, "The change is tried again."),
    },
)
