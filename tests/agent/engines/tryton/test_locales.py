"""Companies are at home where they say: templates for a country, made when they are asked for."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engines.errors import AppUnknown, LocaleUnknown, TemplateMissing
from agent.engines.port import BenchSpec, Locale, Progress, SiteSpec
from agent.engines.tryton.engine import TrytonEngine
from agent.engines.tryton.probe import TrytonProbe
from agent.engines.tryton.recipe import ReleaseUnknown
from agent.engines.tryton.release import Release
from agent.host import files
from tests.agent.engines.tryton.deployed import Deployed, deployed, get_health, make_bench, make_site

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()
BERLIN = Locale(country="DE", currency="EUR", language="de", time_zone="Europe/Berlin")
TOKYO = Locale(country="JP", currency="JPY", language="en", time_zone="Asia/Tokyo")
LISBON = Locale(country="PT", currency="EUR", language="pt-PT", time_zone="Europe/Lisbon")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A bench whose templates no other test sees."""
    with deployed(tmp_path_factory.mktemp("homes"), has_own_templates=True) as ready:
        yield ready


@pytest.fixture
def templates(bench: Deployed) -> Path:
    """The folder of the bench's templates, without those for other homes."""
    for path in bench.templates.iterdir():
        if path.is_dir():
            files.remove_tree(path)
    return bench.templates


def create(bench: Deployed, locale: Locale, apps: tuple[str, ...] = ("base",)) -> SiteSpec:
    bench.engine.ensure_template(bench.bench.bench_id, apps, locale, bench.said.append)
    return bench.create(locale=locale, apps=apps)


def read(bench: Deployed, site: SiteSpec, model: str, *fields: str, **domain: object) -> dict[str, Any]:
    with bench.logged_in(site) as client:
        clauses = [[name, "=", value] for name, value in domain.items()]
        (found,) = client.do(f"model.{model}.search_read", clauses, 0, None, None, list(fields))
    return dict(found)


class TestHome:
    def test_is_the_one_that_was_ordered(self, bench: Deployed, templates: Path) -> None:
        site = create(bench, BERLIN)
        company = read(bench, site, "company.company", "timezone", "currency.code", "party.addresses")
        assert (company["timezone"], company["currency."]["code"]) == ("Europe/Berlin", "EUR")
        address = read(bench, site, "party.address", "country.code", "country.rec_name")
        assert address["country."]["code"] == "DE"
        assert "Deutschland" in address["country."]["rec_name"]
        owner = read(bench, site, "res.user", "language.code")
        assert owner["language."]["code"] == "de"
        with bench.logged_in(site) as client:
            menus = client.do("model.ir.ui.menu.search_read", [], 0, None, None, ["name"])
            assert "Parteien" in {menu["name"] for menu in menus}
            rates = client.do(
                "model.currency.currency.rate.search_read", [], 0, None, None, ["currency.code"]
            )
            assert [rate["currency."]["code"] for rate in rates] == ["EUR"]
            accounts = client.do("model.account.account.search_read", [], 0, None, None, ["name"])
            assert "Aktiva" in {account["name"] for account in accounts}
            new = client.do("model.party.party.default_get", ["lang"], True)
            assert new["lang"]

    def test_without_one_it_is_the_contract_s_own(self, bench: Deployed) -> None:
        site = bench.create()
        company = read(bench, site, "company.company", "timezone", "currency.code")
        assert (company["timezone"], company["currency."]["code"]) == ("America/New_York", "USD")
        address = read(bench, site, "party.address", "country.code")
        assert address["country."]["code"] == "US"

    def test_a_currency_has_the_digits_that_it_has(self, bench: Deployed, templates: Path) -> None:
        site = create(bench, TOKYO)
        yen = read(bench, site, "currency.currency", "digits", "symbol", code="JPY")
        assert (yen["digits"], yen["symbol"]) == (0, "¥")

    def test_a_language_of_a_region_that_tryton_lacks_is_the_language(self, bench: Deployed) -> None:
        site = create(bench, LISBON)
        assert read(bench, site, "res.user", "language.code")["language."]["code"] == "pt"

    def test_apps_that_come_later_speak_its_language(self, bench: Deployed, templates: Path) -> None:
        site = create(bench, BERLIN)
        at = (site.bench_id, site.site_id)
        bench.engine.ensure_site_closed(*at)
        bench.engine.ensure_apps(*at, ("base", "crm"), bench.said.append)
        bench.engine.ensure_site_serving(*at, site.hostname)
        with bench.logged_in(site) as client:
            menus = client.do("model.ir.ui.menu.search_read", [], 0, None, None, ["name"])
        assert "Verkaufschancen" in {menu["name"] for menu in menus}


class TestTemplate:
    def test_is_made_once_and_shares_its_pool(self, bench: Deployed, templates: Path) -> None:
        ask = (bench.bench.bench_id, ("base",), BERLIN, bench.said.append)
        with pytest.raises(TemplateMissing):
            bench.engine.ensure_site_cloned(make_site(locale=BERLIN))
        before = get_health(bench)["pools"]
        assert bench.engine.ensure_template(*ask) is True
        started = time.monotonic()
        assert bench.engine.ensure_template(*ask) is False
        assert time.monotonic() - started < 0.1
        assert PROBE.can_log_in(bench.door(create(bench, BERLIN)))
        assert get_health(bench)["pools"] == before

    def test_is_kept_ready_for_the_home_of_the_bench(self, bench: Deployed, templates: Path) -> None:
        at_home = make_bench(app_sets=(("base",),), locale=TOKYO)
        made, changed = bench.engine.ensure_templates(at_home, bench.said.append)
        assert changed is True
        assert made[0].seconds > 0
        assert bench.engine.ensure_templates(at_home, bench.said.append)[1] is False
        assert bench.engine.ensure_template(at_home.bench_id, ("base",), TOKYO, bench.said.append) is False

    @pytest.mark.parametrize(
        "locale",
        [
            Locale(country="ZZ"),
            Locale(currency="ZZZ"),
            Locale(language="zz"),
            Locale(time_zone="Europe/Bielefeld"),
        ],
    )
    def test_is_refused_for_nowhere_before_anything_is_made(
        self, bench: Deployed, templates: Path, locale: Locale
    ) -> None:
        before = sorted(templates.rglob("*"))
        with pytest.raises(LocaleUnknown):
            bench.engine.ensure_template(bench.bench.bench_id, ("base", "crm"), locale, bench.said.append)
        with pytest.raises(LocaleUnknown):
            bench.engine.ensure_templates(make_bench(locale=locale), bench.said.append)
        assert sorted(templates.rglob("*")) == before

    def test_is_refused_for_apps_that_nobody_has(self, bench: Deployed) -> None:
        with pytest.raises(AppUnknown):
            bench.engine.ensure_template(bench.bench.bench_id, ("games",), BERLIN, bench.said.append)

    def test_fits_the_bench_whatever_the_agent_brings_today(self, bench: Deployed, templates: Path) -> None:
        engine = TrytonEngine(bench.settings, bench.executor, Newer())
        assert engine.ensure_template(bench.bench.bench_id, ("base",), TOKYO, bench.said.append) is True
        site = make_site(locale=TOKYO)
        assert engine.ensure_site_cloned(site) is True
        engine.ensure_site_configured(site)
        engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
        assert PROBE.can_log_in(bench.door(site))
        assert engine.ensure_site_migrated(site.bench_id, site.site_id, bench.said.append) is False


class Newer:
    """The releases of an agent that was brought to another version."""

    def get(self, version: str) -> Release:
        raise ReleaseUnknown(f"This host does not bring {version} any more.")

    def ensure(self, bench: BenchSpec, progress: Progress) -> bool:
        raise ReleaseUnknown(f"This host does not bring {bench.version} any more.")
