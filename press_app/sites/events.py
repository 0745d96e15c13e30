"""What the sites tell the slices above them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SiteReserved:
    """A name was reserved; listeners may refuse by raising (no entitlement)."""

    site_id: str
    team_id: str
    apps: tuple[str, ...]
    covered_by: str | None
    """What lets the site exist: ``operator``, ``subscription:<id>``; None when the listener has to find it."""


@dataclass(frozen=True)
class SiteBackupStarted:
    """A job that takes a backup was promised."""

    backup_id: str
    site_id: str
    team_id: str
    server_id: str
    engine: str
    kind: str
    apps: tuple[str, ...]
    """What the site has now, and will have again when it is restored from this."""


@dataclass(frozen=True)
class SiteBackupEnded:
    """The job ended; ``backup`` is what the agent wrote and read back, None when it failed."""

    backup_id: str
    site_id: str
    backup: dict[str, Any] | None
    error: str | None


@dataclass(frozen=True)
class SiteAppsWanted:
    """Somebody asks for more apps on a site; listeners may refuse by raising (no entitlement)."""

    site_id: str
    team_id: str
    added: tuple[str, ...]
    is_restore: bool = False
    """They would come with the data of a backup."""


@dataclass(frozen=True)
class SiteReturnWanted:
    """Somebody asks for an archived site back; listeners may refuse by raising (no entitlement)."""

    site_id: str
    team_id: str
    apps: tuple[str, ...]
    by_operator: bool


@dataclass(frozen=True)
class SiteCopyDue:
    """A copy is to be made from this backup; whoever keeps backups starts it, lets it wait or calls it off."""

    site_id: str
    backup_id: str


@dataclass(frozen=True)
class SiteDataReplaced:
    """The site has the data of this backup now."""

    site_id: str
    backup_id: str
    apps: tuple[str, ...] | None
    """As the host found them in it; None where it does not say."""


@dataclass(frozen=True)
class SiteRestoreWanted:
    """An archived site is wanted again; whoever keeps backups has to start its return."""

    site_id: str
