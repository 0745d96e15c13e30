"""Make a template site: ``python -m bench_frappe.template --sites … --site … --apps erpnext < {"password": …}``.

The database and its user stand already. Prints one line of JSON: ``{"modules", "seconds"}``. What stands for the tenant in it
(names, addresses) and every place where it stands are written into the table ``__press`` of the template itself, which
its clones have, too: whoever takes one replaces them there, in one transaction.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import frappe
from frappe.desk.page.setup_wizard.setup_wizard import setup_complete
from frappe.installer import _new_site

from .layout import CACHE_PORT, QUEUE_PORT, RUN
from .prepare import prepare_sites

# Rare words: each is replaced wherever it stands in a clone.
PLACEHOLDERS = {
    "company": "Zqxcompany",
    "abbr": "ZQXJK",
    "email": "zqxowner@zqxcompany.invalid",
    "name": "Zqxowner",
    "login": "zqxlogin",
}
COUNTRIES = {
    "US": {
        "country": "United States",
        "currency": "USD",
        "timezone": "America/New_York",
        "chart": "Standard",
    },
}
EMPTIED = (
    "tabSessions",
    "tabActivity Log",
    "tabError Log",
    "tabVersion",
    "tabScheduled Job Log",
    "tabDeleted Document",
    "tabEmail Queue",
    "tabEmail Queue Recipient",
    "tabAccess Log",
)
TEXT_COLUMNS = """
    SELECT table_name, column_name
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'
      AND data_type IN ('char', 'varchar', 'text', 'tinytext', 'mediumtext', 'longtext')
    ORDER BY table_name, ordinal_position
"""


def build(sites: Path, site: str, apps: Sequence[str], password: str) -> dict[str, Any]:
    """Make the site. ``password`` is that of the database's user."""
    started = time.monotonic()
    os.chdir(sites)
    with running_redis():
        frappe.init(site=site, new_site=True)
        _new_site(
            site,
            site,
            admin_password=secrets.token_urlsafe(24),
            install_apps=list(apps),
            db_password=password,
            db_type="mariadb",
            db_socket=_read_common(sites).get("db_socket"),
            db_host=_read_common(sites).get("db_host"),
            db_port=_read_common(sites).get("db_port"),
            setup_db=False,
        )
        frappe.destroy()
        frappe.init(site=site, sites_path=str(sites))
        frappe.connect()
        _answer_wizard("erpnext" in apps)
        _settle()
        installed = frappe.get_installed_apps()
        _seal()
        frappe.db.commit()
        frappe.destroy()
    return {"modules": installed, "seconds": round(time.monotonic() - started, 1)}


def _answer_wizard(is_erp: bool) -> None:
    """Answer what the first person would be asked, with placeholders for what is his."""
    home = COUNTRIES["US"]
    year = datetime.now(tz=UTC).year
    answers = {
        "language": "English",
        "country": home["country"],
        "currency": home["currency"],
        "timezone": home["timezone"],
        "full_name": PLACEHOLDERS["name"],
        "email": PLACEHOLDERS["email"],
        "password": secrets.token_urlsafe(24),
        "enable_telemetry": 0,
    }
    if is_erp:
        answers |= {
            "company_name": PLACEHOLDERS["company"],
            "company_abbr": PLACEHOLDERS["abbr"],
            "chart_of_accounts": home["chart"],
            "fy_start_date": f"{year}-01-01",
            "fy_end_date": f"{year}-12-31",
        }
    frappe.set_user("Administrator")
    said = setup_complete(json.dumps(answers))
    if said.get("status") != "ok":
        raise SystemExit(f"The setup wizard said {said}. The template is not kept.")


def _settle() -> None:
    """What every site of ours has: logins by name, no sign-ups, nobody who could log in yet."""
    frappe.set_user("Administrator")
    frappe.db.set_value("User", PLACEHOLDERS["email"], "username", PLACEHOLDERS["login"])
    for name, value in {
        "allow_login_using_user_name": 1,
        "enable_scheduler": 1,
        "app_name": PLACEHOLDERS["company"],
        "setup_complete": 1,
    }.items():
        frappe.db.set_single_value("System Settings", name, value)
    frappe.db.set_single_value("Website Settings", "disable_signup", 1)
    frappe.db.set_single_value("Website Settings", "app_name", PLACEHOLDERS["company"])
    frappe.db.sql("DELETE FROM __Auth")
    tables = set(frappe.db.get_tables(cached=False))
    for table in EMPTIED:
        if table in tables:
            frappe.db.sql(f"DELETE FROM `{table}`")  # noqa: S608 - a constant
    frappe.db.commit()


def _seal() -> None:
    """Note every place where a placeholder stands."""
    places = list(_find_places())
    frappe.db.sql_ddl(
        "CREATE TABLE __press (name VARCHAR(64) PRIMARY KEY, value LONGTEXT NOT NULL) ENGINE=InnoDB"
    )
    for name, value in {**PLACEHOLDERS, "places": json.dumps(places)}.items():
        frappe.db.sql("INSERT INTO __press (name, value) VALUES (%s, %s)", (name, value))


def _find_places() -> Iterator[tuple[str, str, bool]]:
    columns = frappe.db.sql(TEXT_COLUMNS)
    by_table: dict[str, list[str]] = {}
    for table, column in columns:
        by_table.setdefault(table, []).append(column)
    words = "|".join(word.replace(".", "\\.") for word in PLACEHOLDERS.values())
    for table, names in by_table.items():
        counts = ", ".join(f"SUM(`{name}` REGEXP %(words)s)" for name in names)
        (found,) = frappe.db.sql(f"SELECT {counts} FROM `{table}`", {"words": words})  # noqa: S608 - names of the schema
        for name, count in zip(names, found, strict=True):
            if count:
                statement = f"SELECT `{name}` FROM `{table}` WHERE `{name}` REGEXP %s"  # noqa: S608 - likewise
                values = frappe.db.sql(statement, (words,))
                yield table, name, all(_is_json(value) for (value,) in values)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


@contextmanager
def running_redis() -> Iterator[None]:
    """Frappe wants both while it makes a site; nothing of them is kept."""
    RUN.mkdir(exist_ok=True)
    started = [
        subprocess.Popen(
            [
                "/usr/bin/redis-server",
                "--bind",
                "127.0.0.1",
                "--port",
                str(port),
                "--save",
                "",
                "--dir",
                str(RUN),
            ],
            stdout=subprocess.DEVNULL,
        )
        for port in (CACHE_PORT, QUEUE_PORT)
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()


def _read_common(sites: Path) -> dict[str, Any]:
    common: dict[str, Any] = json.loads((sites / "common_site_config.json").read_text("utf-8"))
    return common


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.template", description=__doc__)
    parser.add_argument("--sites", required=True, type=Path)
    parser.add_argument(
        "--site", required=True, help="name of the site, its database and the database's user"
    )
    parser.add_argument("--apps", default="", help="comma-separated, without frappe itself")
    parser.add_argument("--database", required=True, help="unix:///path/of/socket or tcp://host:port")
    parser.add_argument("--password-file", required=True, type=Path, help="of the database's user")
    options = parser.parse_args(argv)
    sites = options.sites.resolve()
    for name in ("logs", "config"):
        (sites.parent / name).mkdir(exist_ok=True)
    prepare_sites(sites, options.database, options.site)
    apps = [app for app in options.apps.split(",") if app]
    result = build(sites, options.site, apps, options.password_file.read_text("utf-8").strip())
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
