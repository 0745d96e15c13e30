"""Make a site that nobody has answered the setup wizard of: ``python -m bench_frappe.blank --sites … --site … --apps erpnext``.

The database and its user stand already; with ``--grows`` it is a copy of a smaller one, and only what is missing is installed.
Prints one line of JSON: ``{"modules", "seconds"}``. Templates are its copies.
"""

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import frappe
from frappe.installer import _new_site

from .apps import change
from .opened import make_folders, opened, read_common, running_redis
from .prepare import prepare_site, prepare_sites


def build(sites: Path, site: str, apps: Sequence[str], password: str) -> None:
    """Make the site. ``password`` is that of the database's user."""
    os.chdir(sites)
    common = read_common(sites)
    frappe.init(site=site, new_site=True)
    _new_site(
        site,
        site,
        admin_password=secrets.token_urlsafe(24),
        install_apps=list(apps),
        db_password=password,
        db_type="mariadb",
        db_socket=common.get("db_socket"),
        db_host=common.get("db_host"),
        db_port=common.get("db_port"),
        setup_db=False,
    )
    frappe.destroy()


def grow(sites: Path, site: str, apps: Sequence[str], password: str) -> None:
    """Install what is missing."""
    prepare_site(sites / site, site, password)
    with opened(sites, site):
        change(apps)


def list_installed(sites: Path, site: str) -> list[str]:
    with opened(sites, site):
        return list(frappe.get_installed_apps())


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.blank", description=__doc__)
    parser.add_argument("--sites", required=True, type=Path)
    parser.add_argument(
        "--site", required=True, help="name of the site, its database and the database's user"
    )
    parser.add_argument("--apps", default="", help="comma-separated, without frappe itself")
    parser.add_argument("--grows", action="store_true", help="the database has some of the apps")
    parser.add_argument("--database", required=True, help="unix:///path/of/socket or tcp://host:port")
    parser.add_argument("--password-file", required=True, type=Path, help="of the database's user")
    options = parser.parse_args(argv)
    sites = options.sites.resolve()
    make_folders(sites.parent)
    prepare_sites(sites, options.database, options.site)
    apps = [app for app in options.apps.split(",") if app]
    password = options.password_file.read_text("utf-8").strip()
    started = time.monotonic()
    with running_redis():
        (grow if options.grows else build)(sites, options.site, apps, password)
        modules = list_installed(sites, options.site)
    result = {"modules": modules, "seconds": round(time.monotonic() - started, 1)}
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
