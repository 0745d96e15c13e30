"""Answer the setup wizard of a blank site and seal it: ``python -m bench_frappe.template --sites … --site … --home {…}``.

The site's database is a copy of a blank one. Prints one line of JSON: ``{"until", "seconds"}``. What stands for the tenant in it
(names, addresses) and every place where it stands are written into the table ``__press`` of the template itself, which
its clones have, too: whoever takes one replaces them there, in one transaction. Exit status 5: Frappe does not know the home.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import frappe
from frappe.desk.page.setup_wizard.setup_wizard import setup_complete

from .home import Home, HomeUnknown, find_home, find_year
from .opened import make_folders, opened, running_redis
from .prepare import prepare_site, prepare_sites

# Rare words: each is replaced wherever it stands in a clone.
PLACEHOLDERS = {
    "company": "Zqxcompany",
    "abbr": "ZQXJK",
    "email": "zqxowner@zqxcompany.invalid",
    "name": "Zqxowner",
    "login": "zqxlogin",
}
UNKNOWN = 5
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


def build(home: Home, code: str) -> dict[str, Any]:
    """Finish the open site. ``code`` says which code made it."""
    today = datetime.now(tz=UTC).date()
    is_erp = "erpnext" in frappe.get_installed_apps()
    _answer_wizard(home, home.accounts(today) if is_erp else {})
    _settle()
    _seal(code)
    frappe.db.commit()
    return {"until": min(find_year(home.code, today)[1], date(today.year, 12, 31)).isoformat()}


def _answer_wizard(home: Home, accounts: dict[str, str]) -> None:
    """Answer what the first person would be asked, with placeholders for what is his."""
    answers = home.answers() | {
        "full_name": PLACEHOLDERS["name"],
        "email": PLACEHOLDERS["email"],
        "password": secrets.token_urlsafe(24),
        "enable_telemetry": 0,
    }
    if accounts:
        answers |= accounts | {
            "company_name": PLACEHOLDERS["company"],
            "company_abbr": PLACEHOLDERS["abbr"],
        }
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


def _seal(code: str) -> None:
    """Note every place where a placeholder stands."""
    places = list(_find_places())
    frappe.db.sql_ddl(
        "CREATE TABLE __press (name VARCHAR(64) PRIMARY KEY, value LONGTEXT NOT NULL) ENGINE=InnoDB"
    )
    for name, value in {**PLACEHOLDERS, "places": json.dumps(places), "code": code}.items():
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


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.template", description=__doc__)
    parser.add_argument("--sites", required=True, type=Path)
    parser.add_argument(
        "--site", required=True, help="name of the site, its database and the database's user"
    )
    parser.add_argument("--home", required=True, help="JSON: country, currency, language, time_zone")
    parser.add_argument("--code", required=True, help="what the site was made by")
    parser.add_argument("--database", required=True, help="unix:///path/of/socket or tcp://host:port")
    parser.add_argument("--password-file", required=True, type=Path, help="of the database's user")
    options = parser.parse_args(argv)
    started = time.monotonic()
    sites = options.sites.resolve()
    make_folders(sites.parent)
    prepare_sites(sites, options.database, options.site)
    prepare_site(sites / options.site, options.site, options.password_file.read_text("utf-8").strip())
    with running_redis(), opened(sites, options.site):
        try:
            home = find_home(options.home)
        except HomeUnknown as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(UNKNOWN) from error
        result = build(home, options.code)
    result["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
