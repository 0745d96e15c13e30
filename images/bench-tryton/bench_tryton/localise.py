"""Make a template for a country from the standard one: currency, language, address, time zone; about three seconds."""

import argparse
import gettext
import json
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pycountry

from . import offline, template
from .places import choose_language, list_unknown

CHART = "account/account_chart_{language}.xml"
CHARTS = ("de", "es", "fr")
"""Languages in which Tryton has the same chart of accounts once more."""
NAMED = {
    "account.account.template": "account.account",
    "account.account.type.template": "account.account.type",
}
SYMBOLS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "¥",
    "INR": "₹",
    "KRW": "₩",
    "BRL": "R$",
    "PLN": "zł",
}


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where the company is."""

    country: str
    currency: str
    language: str
    time_zone: str


def localise(source: Path, destination: Path, home: Home) -> dict[str, object]:
    """Write the template to ``destination``, complete or not at all. Returns what :func:`template.build` does."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".making-") as folder:
        work = Path(folder) / "template.sqlite"
        work.write_bytes(source.read_bytes())
        settle_in(offline.load(work), home)
        return template.finish(work, destination, started)


def settle_in(pool: Any, home: Home) -> None:
    """Give the only company of the database its home."""
    language = choose_language(home.language)
    offline.transact(pool, lambda: _set_money(pool, home.currency))
    offline.transact(pool, lambda: _set_place(pool, home.country, home.time_zone))
    if language != offline.MAIN_LANGUAGE:
        offline.transact(pool, lambda: _load_words(pool, language))
        offline.transact(pool, lambda: _set_language(pool, language))
        offline.transact(pool, lambda: _translate(pool, language), language=language, active_test=False)


def _set_money(pool: Any, code: str) -> None:
    """The company's currency is what all others are counted in."""
    currencies, rates = pool.get("currency.currency"), pool.get("currency.currency.rate")
    (company,) = pool.get("company.company").search([])
    (money,) = currencies.search([("code", "=", code)])
    every = rates.search([])
    first = min(rate.date for rate in every)
    rates.delete(every)
    rates.create([{"currency": money.id, "date": first, "rate": Decimal(1)}])
    currencies.write([money], {"symbol": money.symbol or SYMBOLS.get(code, code)})
    pool.get("company.company").write([company], {"currency": money.id})


def _set_place(pool: Any, country: str, time_zone: str) -> None:
    (company,) = pool.get("company.company").search([])
    (found,) = pool.get("country.country").search([("code", "=", country)])
    pool.get("company.company").write([company], {"timezone": time_zone})
    pool.get("party.address").write(list(company.party.addresses), {"country": found.id})


def _load_words(pool: Any, code: str) -> None:
    languages = pool.get("ir.lang")
    languages.load_translations(languages.search([("code", "=", code)]))


def _set_language(pool: Any, code: str) -> None:
    """What the owner, every new person and every new party read."""
    (language,) = pool.get("ir.lang").search([("code", "=", code)])
    configuration = pool.get("ir.configuration")
    configuration.write([configuration(1)], {"language": code})
    users = pool.get("res.user")
    users.write(users.search([("login", "=", template.OWNER_LOGIN)]), {"language": language.id})
    parties = pool.get("party.configuration")(1)
    parties.party_lang = language
    parties.save()
    (company,) = pool.get("company.company").search([])
    pool.get("party.party").write([company.party], {"lang": language.id})


def _translate(pool: Any, language: str) -> None:
    """Name the world's countries and currencies, where they are known in the language, and the accounts."""
    countries = {each.alpha_2: each.name for each in pycountry.countries}
    currencies = {each.alpha_3: each.name for each in pycountry.currencies}
    _translate_names(pool, "country.country", language, "iso3166-1", countries)
    _translate_names(pool, "currency.currency", language, "iso4217", currencies)
    _translate_chart(pool, language)


def _translate_names(pool: Any, model: str, language: str, domain: str, names: dict[str, str]) -> None:
    try:
        words = gettext.translation(domain, pycountry.LOCALES_DIR, languages=[language])
    except OSError:
        return
    records = [record for record in pool.get(model).search([]) if record.code in names]
    pool.get(model).write(
        *(part for record in records for part in ([record], {"name": words.gettext(names[record.code])}))
    )


def _translate_chart(pool: Any, language: str) -> None:
    """Call accounts as Tryton's own chart in that language does: the same accounts under other names."""
    from trytond.modules import get_module_info

    if language not in CHARTS:
        return
    file = Path(get_module_info("account")["directory"]) / Path(CHART.format(language=language)).name
    names = {
        record.attrib["id"].removesuffix(f"_{language}"): record.findtext("field[@name='name']")
        for record in ET.parse(file).iter("record")  # noqa: S314
    }
    data = pool.get("ir.model.data").search([("module", "=", "account"), ("model", "in", list(NAMED))])
    called = {(each.model, each.db_id): names.get(each.fs_id.removesuffix("_en")) for each in data}
    for model, accounts in NAMED.items():
        made = pool.get(accounts).search([("template", "!=", None)])
        named = [(record, called.get((model, record.template.id))) for record in made]
        # Else the next update of the chart would bring the English names back.
        actions = (([record], {"name": name, "template_override": True}) for record, name in named if name)
        pool.get(accounts).write(*(part for action in actions for part in action))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_tryton.localise", description=__doc__)
    parser.add_argument(
        "--source", type=Path, help="the standard template; without one, only look whether all is known"
    )
    parser.add_argument("--destination", type=Path)
    for name in ("--country", "--currency", "--language", "--time-zone"):
        parser.add_argument(name, required=True)
    options = parser.parse_args(argv)
    home = Home(
        country=options.country,
        currency=options.currency,
        language=options.language,
        time_zone=options.time_zone,
    )
    result: dict[str, object] = {
        "unknown": list_unknown(home.country, home.currency, home.language, home.time_zone)
    }
    if options.source is not None and not result["unknown"]:
        result |= localise(options.source, options.destination.resolve(), home)
    json.dump(result, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
