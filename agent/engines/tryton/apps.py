"""The product's apps as Tryton modules."""

from collections.abc import Iterable

from agent.engines.errors import AppUnknown

MODULES: dict[str, tuple[str, ...]] = {
    "base": (
        "party",
        "company",
        "currency",
        "country",
        "product",
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
    "hr": ("company_work_time", "timesheet", "attendance", "project", "project_invoice"),
}


def expand(apps: Iterable[str]) -> tuple[str, ...]:
    """Return the apps in a fixed order with ``base``, which all others need. Raises :class:`AppUnknown`."""
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


def name_template(apps: Iterable[str]) -> str:
    return "-".join(expand(apps))
