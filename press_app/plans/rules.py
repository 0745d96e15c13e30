"""What a plan grants, what a customer was granted beyond it, and whether what is used fits."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from press_app.plans.errors import AppUnknown

APP = re.compile(r"[a-z][a-z0-9_]{0,39}")
BASE = "base"
"""Every site has it."""
DESCRIPTIONS: Mapping[str, str] = {
    BASE: "Accounting, sales, purchases, stock",
    "crm": "Leads and opportunities",
    "hr": "Employees, leave and timesheets",
    "hrms": "Employees, leave and payroll",
}
"""What is known of apps by their names; which there are, each release says."""


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
    """The apps in a fixed order, each once, ``base`` always and first. Raises :class:`AppUnknown` for what is no name."""
    wanted = {BASE, *apps}
    wrong = sorted(app for app in wanted if APP.fullmatch(app) is None)
    if wrong:
        message = (
            f"No app is called {', '.join(wrong)[:200]}. Nothing was changed. Names of apps are small letters, digits and "
            "underscores, 40 at most."
        )
        raise AppUnknown(message, apps=wrong)
    return order_apps(wanted)


def order_apps(apps: Iterable[str]) -> tuple[str, ...]:
    """In a fixed order: what is known of first, the ERP itself before all."""
    known = list(DESCRIPTIONS)
    return tuple(sorted(apps, key=lambda app: (known.index(app) if app in known else len(known), app)))
