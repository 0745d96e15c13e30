"""What a plan grants, what a customer was granted beyond it, and whether what is used fits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from press_app.plans.errors import AppUnknown

PRODUCT_APPS: Mapping[str, str] = {
    "base": "Accounting, sales, purchases, stock",
    "crm": "Leads and opportunities",
    "hr": "Employees, leave and timesheets",
}
"""Names of the product's apps; each engine maps them to its own modules."""


@dataclass(frozen=True, kw_only=True)
class Entitlements:
    """How much may be used; None is without limit (``apps`` None: every app)."""

    sites: int | None = None
    users: int | None = None
    """Users of one site."""
    storage_gb: int | None = None
    """Database and files of one site, in 10^9 bytes."""
    apps: tuple[str, ...] | None = None

    def allows_app(self, app: str) -> bool:
        return self.apps is None or app in self.apps


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How much is used. ``users`` and ``storage_bytes`` are those of the largest site."""

    sites: int = 0
    users: int = 0
    storage_bytes: int = 0
    apps: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """One thing that does not fit, and what must go first."""

    what: str
    allowed: int | str
    used: int | str
    advice: str


GIGABYTE = 10**9


def effective(plan: Entitlements, override: Entitlements | None) -> Entitlements:
    """What counts: an override replaces the plan as a whole, so that its None can mean "without limit"."""
    return plan if override is None else override


def fits(granted: Entitlements, used: Usage) -> list[Shortfall]:
    """What is too much, most visible first; empty when all fits. Nothing is ever deleted to make it fit."""
    found: list[Shortfall] = []
    if granted.sites is not None and used.sites > granted.sites:
        advice = f"Archive {used.sites - granted.sites} of {used.sites} sites first."
        found.append(Shortfall(what="sites", allowed=granted.sites, used=used.sites, advice=advice))
    if granted.users is not None and used.users > granted.users:
        advice = f"Deactivate {used.users - granted.users} of {used.users} users first."
        found.append(Shortfall(what="users", allowed=granted.users, used=used.users, advice=advice))
    if granted.storage_gb is not None and used.storage_bytes > granted.storage_gb * GIGABYTE:
        over = -(-(used.storage_bytes - granted.storage_gb * GIGABYTE) // GIGABYTE)
        used_gb = -(-used.storage_bytes // GIGABYTE)
        advice = f"Remove {over} GB of files first."
        found.append(Shortfall(what="storage_gb", allowed=granted.storage_gb, used=used_gb, advice=advice))
    extra = sorted(app for app in used.apps if not granted.allows_app(app))
    if extra:
        advice = f"Uninstall {', '.join(extra)} first."
        allowed = ", ".join(granted.apps or ())
        found.append(
            Shortfall(what="apps", allowed=allowed, used=", ".join(sorted(used.apps)), advice=advice)
        )
    return found


def check_apps(apps: Iterable[str]) -> tuple[str, ...]:
    """The apps in the product's order, each once, ``base`` always. Raises :class:`AppUnknown`."""
    wanted = {"base", *apps}
    wrong = sorted(wanted - set(PRODUCT_APPS))
    if wrong:
        message = (
            f"No such app: {', '.join(wrong)}. Nothing was changed. Possible: {', '.join(PRODUCT_APPS)}."
        )
        raise AppUnknown(message, apps=wrong)
    return tuple(app for app in PRODUCT_APPS if app in wanted)
