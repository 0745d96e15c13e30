"""Install and remove apps of a site: ``python -m bench_frappe.apps --sites … --site … --wanted erpnext,crm``.

What an app needs comes with it. Prints what it did. Exit status 5: an app that is wanted is not in the image; 6: one that is to go
is needed by another. Nothing is touched then.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import frappe
from frappe.installer import install_app, parse_app_name, remove_app

from .opened import opened, running_redis

UNKNOWN, NEEDED = 5, 6
CORE = "frappe"


def change(wanted: Sequence[str]) -> None:
    """Bring the open site to these apps and what they need."""
    installed = frappe.get_installed_apps()
    held = frappe.get_all_apps()
    missing = sorted({*wanted} - {*held})
    if missing:
        _refuse(UNKNOWN, f"the release has no app {', '.join(missing)}")
    needed = _expand(wanted)
    going = [app for app in installed if app not in needed and app != CORE]
    kept_by = [app for app in going if app in _expand(app for app in installed if app in wanted)]
    if kept_by:
        _refuse(NEEDED, f"{', '.join(kept_by)} is needed by another app")
    for app in wanted:
        install_app(app)
    # Whoever needs another was installed after it.
    for app in reversed(going):
        remove_app(app, yes=True, no_backup=True)
        if app in frappe.get_installed_apps():
            raise SystemExit(f"{app} was not removed")
    frappe.db.commit()


def _expand(apps: Iterable[str]) -> set[str]:
    """These apps and all that they need."""
    found: set[str] = set()
    waiting = list(apps)
    while waiting:
        app = waiting.pop()
        if app not in found:
            found.add(app)
            waiting += [parse_app_name(need) for need in frappe.get_hooks(app_name=app).required_apps or []]
    return found


def _refuse(status: int, why: str) -> None:
    sys.stderr.write(f"{why}\n")
    raise SystemExit(status)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.apps", description=__doc__)
    parser.add_argument("--sites", required=True, type=Path)
    parser.add_argument("--site", required=True)
    parser.add_argument("--wanted", default="", help="comma-separated, without frappe itself")
    options = parser.parse_args(argv)
    with running_redis(), opened(options.sites.resolve(), options.site):
        change([app for app in options.wanted.split(",") if app])


if __name__ == "__main__":
    main()
