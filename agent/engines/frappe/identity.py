"""Whose a clone is: the template's placeholders replaced, wherever they stand, in one transaction."""

import json
import re
from typing import Any, ClassVar

from pymysql.cursors import Cursor

from agent.engines.errors import SiteUnknown
from agent.engines.frappe.passwords import hash_password, is_password
from agent.engines.port import SiteSpec
from agent.errors import AgentError
from agent.host.mariadb import fetch_all, quote

LONGEST_NAME = 140
"""Signs of a name in Frappe."""
KEYS = ("company", "abbr", "email", "name", "login")
ADOPTED = "adopted"
LONGEST_ABBR = 5
CALLERS = {
    "tabWebhook": "enabled = 1",
    "tabNotification": "enabled = 1 AND channel IN ('Slack', 'SMS')",
}
"""Tables of what calls others, and which rows of them are on."""
PEOPLE = "enabled = 1 AND user_type = 'System User' AND name NOT IN ('Administrator', 'Guest')"


class NameTooLong(AgentError):
    """A name that the ERP cannot hold."""

    code: ClassVar[str] = "name_too_long"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The name is too long"


def adopt(cursor: Cursor, site: SiteSpec) -> bool:
    """Give a clone its owner and its company, once. Returns whether anything had to change.

    Only the template's own rare words are ever replaced: what a tenant is called may stand anywhere in his data. A spare keeps them.
    """
    known = dict(fetch_all(cursor, "SELECT name, value FROM __press FOR UPDATE"))
    if "places" not in known:
        raise SiteUnknown("The clone has no owner to configure. Drop the site and create it again.")
    if len(site.admin_email) > LONGEST_NAME or len(site.admin_login) > LONGEST_NAME:
        raise NameTooLong(
            f"An e-mail address or login of more than {LONGEST_NAME} signs cannot be a user of Frappe. Nothing was changed; "
            "take a shorter one."
        )
    wanted = {
        "company": site.company[:LONGEST_NAME].rstrip(),
        "abbr": abbreviate(site.company),
        "email": site.admin_email.lower(),
        "name": site.admin_email.partition("@")[0],
        "login": site.admin_login,
    }
    is_first = ADOPTED not in known and not site.is_spare
    if is_first:
        changed = [(known[key], wanted[key]) for key in KEYS]
        for table, columns in _group(json.loads(known["places"])).items():
            _replace(cursor, table, columns, changed)
        # A spare's password is the one thing that came after the template.
        cursor.execute(
            "UPDATE __Auth SET name = %s WHERE doctype = 'User' AND name = %s",
            (wanted["email"], known["email"]),
        )
        cursor.execute("INSERT INTO __press (name, value) VALUES (%s, %s)", (ADOPTED, json.dumps(wanted)))
    if site.keeps_password:
        return is_first
    owner = known["email"] if site.is_spare else wanted["email"]
    return set_password(cursor, owner, site.admin_password) or is_first


def abbreviate(company: str) -> str:
    """The first letters of a company's words: ``Müller & Söhne GmbH`` is ``MSG``."""
    letters = [word[0] for word in re.findall(r"\w+", company)]
    return "".join(letters[:LONGEST_ABBR]).upper() or "C"


def _group(places: list[Any]) -> dict[str, list[tuple[str, bool]]]:
    found: dict[str, list[tuple[str, bool]]] = {}
    for table, column, is_json in places:
        found.setdefault(str(table), []).append((str(column), bool(is_json)))
    return found


def _replace(
    cursor: Cursor, table: str, columns: list[tuple[str, bool]], changed: list[tuple[str, str]]
) -> None:
    """What stands in JSON gets the JSON form of the new value."""
    settings: list[str] = []
    values: list[str] = []
    for column, is_json in columns:
        text = quote(column)
        for old, new in changed:
            text = f"REPLACE({text}, %s, %s)"
            values += (old, json.dumps(new)[1:-1] if is_json else new)
        settings.append(f"{quote(column)} = {text}")
    cursor.execute(f"UPDATE {quote(table)} SET {', '.join(settings)}", tuple(values))  # noqa: S608 - quoted names


def find_user(cursor: Cursor, login: str) -> str:
    """Return the name of an enabled user by address or user name. Raises ``site_unknown``."""
    rows = fetch_all(
        cursor,
        "SELECT name FROM tabUser WHERE enabled = 1 AND (name = %s OR username = %s) ORDER BY name = %s DESC",
        (login, login, login),
    )
    if not rows:
        raise SiteUnknown(
            f"Nobody called {login!r} is on the site; nothing was changed. Name an active user of it."
        )
    return str(rows[0][0])


def set_password(cursor: Cursor, user: str, password: str) -> bool:
    """Set a user's password and end his sessions. Returns whether it was another one."""
    key = ("User", user, "password")
    known = fetch_all(
        cursor, "SELECT password FROM __Auth WHERE doctype = %s AND name = %s AND fieldname = %s", key
    )
    if known and is_password(password, str(known[0][0])):
        return False
    cursor.execute(
        "REPLACE INTO __Auth (doctype, name, fieldname, password, encrypted) VALUES (%s, %s, %s, %s, 0)",
        (*key, hash_password(password)),
    )
    cursor.execute("DELETE FROM tabSessions WHERE user = %s", (user,))
    return True


def count_users(cursor: Cursor) -> int:
    return int(fetch_all(cursor, f"SELECT COUNT(*) FROM tabUser WHERE {PEOPLE}")[0][0])  # noqa: S608 - a constant


def list_installed(cursor: Cursor) -> tuple[str, ...]:
    """Frappe's names of the apps that the site has, in the order in which they came."""
    rows = fetch_all(
        cursor, "SELECT defvalue FROM tabDefaultValue WHERE defkey = 'installed_apps' AND parent = '__global'"
    )
    found = json.loads(rows[0][0]) if rows else []
    return tuple(str(app) for app in found)


def find_code(cursor: Cursor) -> str:
    """Which code the data fit; empty where nobody noted it."""
    rows = fetch_all(cursor, "SELECT value FROM __press WHERE name = 'code'")
    return str(rows[0][0]) if rows else ""


def hang_up(cursor: Cursor) -> None:
    """Switch off what calls others when records change: Frappe asks no setting of the site before it does."""
    for table, condition in CALLERS.items():
        if fetch_all(cursor, "SHOW TABLES LIKE %s", (table,)):
            cursor.execute(f"UPDATE {quote(table)} SET enabled = 0 WHERE {condition}")  # noqa: S608 - constants
