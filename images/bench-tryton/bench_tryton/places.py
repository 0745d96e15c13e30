"""Which countries, currencies, languages and time zones a site can have."""

import xml.etree.ElementTree as ET
import zoneinfo
from pathlib import Path

import pycountry
import trytond

NO_MINOR = (
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
)
THREE_MINOR = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def list_unknown(country: str, currency: str, language: str, time_zone: str) -> list[str]:
    """Return which of the four Tryton does not know."""
    known = {
        country: pycountry.countries.get(alpha_2=country) is not None,
        currency: pycountry.currencies.get(alpha_3=currency) is not None,
        language: find_language(language) is not None,
        time_zone: time_zone in zoneinfo.available_timezones(),
    }
    return [name for name, is_known in known.items() if not is_known]


def find_language(wanted: str) -> str | None:
    """Return Tryton's code of a language: ``zh-CN`` is ``zh_CN``, ``pt-BR`` is ``pt``, of which there is one."""
    codes = _list_languages()
    whole, plain = wanted.replace("-", "_"), wanted.partition("-")[0]
    return next((code for code in (whole, plain) if code in codes), None)


def choose_language(wanted: str) -> str:
    """Return Tryton's code of a language that is known. Raises ``ValueError``."""
    found = find_language(wanted)
    if found is None:
        raise ValueError(f"Tryton does not speak {wanted}")
    return found


def count_digits(currency: str) -> int:
    """Return how many digits stand behind the point."""
    if currency in NO_MINOR:
        return 0
    return 3 if currency in THREE_MINOR else 2


def _list_languages() -> set[str]:
    file = Path(trytond.__file__).parent / "ir" / "lang.xml"
    records = ET.parse(file).iter("record")  # noqa: S314
    fields = (
        record.findtext("field[@name='code']") for record in records if record.get("model") == "ir.lang"
    )
    return {"en", *(code for code in fields if code)}
