"""Bring a site's data to the code of this image: ``python -m bench_frappe.migrate --sites … --site … --code …``.

Exit status 5: the site has an app that is not in the image; nothing is touched then.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import frappe
from frappe.migrate import SiteMigration

from .opened import opened, running_redis

UNKNOWN = 5


def check(sites: Path, site: str) -> None:
    """Without the code of an app a site answers nothing but errors."""
    with opened(sites, site):
        missing = sorted({*frappe.get_installed_apps()} - {*frappe.get_all_apps()})
    if missing:
        sys.stderr.write(f"the release has no app {', '.join(missing)}, which the site has\n")
        raise SystemExit(UNKNOWN)


def migrate(sites: Path, site: str) -> None:
    """Run what Frappe calls a migration: patches, tables, jobs, fixtures."""
    os.chdir(sites)
    SiteMigration(skip_search_index=True).run(site)


def note(sites: Path, site: str, code: str) -> None:
    """Which code the data fit now."""
    with opened(sites, site):
        frappe.db.sql("REPLACE INTO __press (name, value) VALUES ('code', %s)", (code,))
        frappe.db.commit()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.migrate", description=__doc__)
    parser.add_argument("--sites", required=True, type=Path)
    parser.add_argument("--site", required=True)
    parser.add_argument("--code", required=True)
    options = parser.parse_args(argv)
    sites = options.sites.resolve()
    with running_redis():
        check(sites, options.site)
        migrate(sites, options.site)
        note(sites, options.site, options.code)


if __name__ == "__main__":
    main()
