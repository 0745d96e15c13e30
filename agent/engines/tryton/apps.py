"""The product's apps as Tryton modules."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agent.engines.errors import AppNeeded, AppUnknown

MODULES: dict[str, tuple[str, ...]] = {
    "base": (
        "party",
        "company",
        "currency",
        "country",
        "product",
        "product_price_list",
        "account",
        "account_product",
        "account_invoice",
        "account_invoice_stock",
        "account_payment",
        "account_statement",
        "bank",
        "purchase",
        "sale",
        "sale_price_list",
        "stock",
        "dashboard",
    ),
    "crm": ("sale_opportunity", "marketing", "party_relationship"),
    "hr": (
        "company_work_time",
        "timesheet",
        "timesheet_cost",
        "attendance",
        "project",
        "project_revenue",
        "project_invoice",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What has to happen to a site's modules."""

    install: tuple[str, ...]
    remove: tuple[str, ...]

    def describe(self) -> str:
        named = (("install", self.install), ("remove", self.remove))
        return "; ".join(f"{verb} {', '.join(modules)}" for verb, modules in named if modules)


def expand(apps: Iterable[str]) -> tuple[str, ...]:
    """Return the apps in a fixed order with ``base``, which all others need. Raises ``app_unknown``."""
    wanted = {"base", *apps}
    unknown = sorted(wanted - MODULES.keys())
    if unknown:
        offered = ", ".join(MODULES)
        raise AppUnknown(
            f"Tryton has no app {', '.join(unknown)}; it has {offered}. Nothing was changed; correct the plan."
        )
    return tuple(app for app in MODULES if app in wanted)


def list_modules(apps: Iterable[str]) -> tuple[str, ...]:
    return tuple(module for app in expand(apps) for module in MODULES[app])


def list_complete(active: Iterable[str]) -> tuple[str, ...]:
    """Return the apps of which all modules are active, in a fixed order."""
    there = set(active)
    return tuple(app for app, modules in MODULES.items() if there.issuperset(modules))


def plan(apps: Collection[str], active: Collection[str]) -> Plan:
    """Return how a site comes to have ``apps`` and no others; single modules of the tenant's own choice stay.

    Raises ``app_unknown`` and ``app_needed``.
    """
    wanted = list_modules(apps)
    if "base" not in apps:
        raise AppNeeded("base cannot be removed: all other apps need it. Nothing was changed; name it, too.")
    gone = (module for app in list_complete(active) if app not in apps for module in MODULES[app])
    return Plan(
        install=tuple(module for module in wanted if module not in active),
        remove=tuple(module for module in gone if module not in wanted),
    )


def name_template(apps: Iterable[str]) -> str:
    return "-".join(expand(apps))
