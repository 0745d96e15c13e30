"""What Frappe's setup wizard is answered for a country, a currency, a language and a time zone."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import available_timezones

import frappe
from frappe.geo.country_info import get_all

STANDARD_CHART = "Standard"
YEARS_BEGIN = {
    "AF": "12-21",
    "AU": "07-01",
    "BD": "07-01",
    "CR": "10-01",
    "EG": "07-01",
    "ET": "07-08",
    "GB": "04-01",
    "HK": "04-01",
    "IN": "04-01",
    "IR": "06-23",
    "KE": "07-01",
    "MM": "04-01",
    "MY": "07-01",
    "NP": "07-16",
    "NZ": "04-01",
    "PK": "07-01",
    "SG": "04-01",
    "TH": "10-01",
    "ZA": "03-01",
}
"""Where companies' years commonly begin on another day than the first of January."""


class HomeUnknown(Exception):
    """Frappe does not know the country, the currency, the language or the time zone."""


@dataclass(frozen=True)
class Home:
    """Where a company is at home, in Frappe's own words."""

    country: str
    code: str
    currency: str
    language: str
    time_zone: str

    def answers(self) -> dict[str, str]:
        """What every site is asked."""
        return {
            "language": self.language,
            "country": self.country,
            "currency": self.currency,
            "timezone": self.time_zone,
        }

    def accounts(self, today: date) -> dict[str, str]:
        """What ERPNext asks beside it."""
        start, end = find_year(self.code, today)
        return {
            "chart_of_accounts": _find_chart(self.country),
            "fy_start_date": start.isoformat(),
            "fy_end_date": end.isoformat(),
        }


def find_home(text: str) -> Home:
    """Read ``{"country": "DE", "currency": "EUR", "language": "de", "time_zone": …}``. Raises :class:`HomeUnknown`."""
    named: dict[str, Any] = json.loads(text)
    code = named["country"]
    country = next((name for name, facts in get_all().items() if facts.get("code") == code.lower()), None)
    if country is None:
        raise HomeUnknown(f"Frappe knows no country {code}")
    currency = named["currency"]
    if not frappe.db.exists("Currency", currency):
        raise HomeUnknown(f"Frappe knows no currency {currency}")
    languages = (named["language"], named["language"].partition("-")[0])
    found = (frappe.db.get_value("Language", name, "language_name") for name in languages)
    language = next((name for name in found if name), None)
    if language is None:
        raise HomeUnknown(f"Frappe knows no language {named['language']}")
    if named["time_zone"] not in available_timezones():
        raise HomeUnknown(f"there is no time zone {named['time_zone']}")
    return Home(country, code, currency, language, named["time_zone"])


def find_year(code: str, today: date) -> tuple[date, date]:
    """First and last day of the company's year that holds ``today``."""
    month, day = (int(part) for part in YEARS_BEGIN.get(code, "01-01").split("-"))
    start = date(today.year, month, day)
    if start > today:
        start = date(today.year - 1, month, day)
    return start, date(start.year + 1, month, day) - timedelta(days=1)


def _find_chart(country: str) -> str:
    """The country's own chart of accounts where ERPNext brings a proven one, of several always the same."""
    from erpnext.accounts.doctype.account.chart_of_accounts.chart_of_accounts import get_charts_for_country

    own = sorted(name for name in get_charts_for_country(country) if not name.startswith(STANDARD_CHART))
    return own[0] if own else STANDARD_CHART
