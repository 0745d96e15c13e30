"""Where a company is at home: told by Lago, completed by the platform, followed by sites and spares."""

import pytest

from press_app.benches import service as benches
from press_app.billing import rules
from press_app.billing.schemas import SubscriptionPut
from press_app.config import Settings
from press_app.kit.locale import CONTRACTS_OWN, Locale
from press_app.sites import service as sites
from press_app.sites.lifecycle import SiteStatus, Wanted
from press_app.spares import service as spares
from press_app.spares.rules import MOST_ABROAD, Policy
from press_app.work import journal
from tests.press_app.driver import Driver

BERLIN = Locale("DE", "EUR", "de", "Europe/Berlin")
ZONES = ["Europe/Rome", "Europe/Oslo", "Asia/Tokyo", "Asia/Aden", "Africa/Cairo", "Europe/Paris"]
PARIS = {"country": "FR", "currency": "EUR", "language": "fr", "time_zone": "Europe/Paris"}


class TestRule:
    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ({}, BERLIN),
            (PARIS, Locale(**PARIS)),
            ({"country": "FR"}, Locale("FR", "EUR", "de", "Europe/Berlin")),
            ({"country": "fr", "currency": "euro", "language": "French", "time_zone": "Mars/Base"}, BERLIN),
            ({"country": None, "language": "", "time_zone": "../../etc/passwd"}, BERLIN),
            ({"language": "pt-BR"}, Locale("DE", "EUR", "pt-BR", "Europe/Berlin")),
            ({"currency": "USD"}, BERLIN),
            ({"country": "US", "currency": "USD"}, Locale("US", "USD", "de", "Europe/Berlin")),
        ],
    )
    def test_what_is_not_known_is_the_platforms_own(
        self, told: dict[str, str | None], expected: Locale
    ) -> None:
        assert rules.choose_home(told, BERLIN) == expected

    def test_a_key_is_read_as_it_was_written(self) -> None:
        assert Locale.parse(BERLIN.key) == BERLIN


class TestFirstSite:
    def test_is_made_for_the_customers_home(self, driver: Driver) -> None:
        driver.observe(home=PARIS)
        driver.run()
        assert driver.orders("create_site")[0].params["locale"] == PARIS
        assert driver.site().locale == PARIS

    def test_is_made_for_the_platforms_own_where_lago_says_nothing(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        assert "locale" not in driver.orders("create_site")[0].params, "the contract's own needs no word"

    def test_is_made_for_the_platforms_own_where_its_engine_does_not_know_the_customers(
        self, driver: Driver
    ) -> None:
        driver.observe(home=PARIS)
        driver.run()
        driver.refuse("create_site", "There are no accounts for FR.", code="locale_unknown")
        (again,) = driver.orders("create_site")
        assert "locale" not in again.params
        driver.finish_all()
        assert (driver.site().status, driver.site().locale) == (SiteStatus.ACTIVE, CONTRACTS_OWN.as_json())
        with driver.work.read() as session:
            lines = [line.message for line in journal.list_timeline(session, driver.site().target)]
        assert "Its engine knows no company in FR; it is made for US instead." in lines

    def test_fails_when_its_engine_knows_neither(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        for _ in range(2):
            driver.refuse("create_site", "There are no accounts for US.", code="locale_unknown")
        assert driver.site().status is SiteStatus.RESERVED
        assert driver.site().retry_at is not None

    def test_takes_what_the_bridge_puts(self) -> None:
        body = {
            "customer": {"external_id": "a", "name": "A", **PARIS},
            "plan_code": "starter",
            "wanted": "run",
        }
        put = SubscriptionPut.model_validate({**body, "observed_at": "2026-11-23T10:00:00Z"})
        assert put.command("a").home == PARIS


class TestPlatform:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"home": BERLIN.key})

    def test_its_home_is_everybodys_who_says_nothing(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        assert driver.orders("create_site")[0].params["locale"] == BERLIN.as_json()

    def test_benches_keep_templates_for_it(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            bench = benches.get_bench(uow.session, driver.bench_id)
            benches.request_deploy(uow, bench, home=BERLIN)
        driver.run()
        assert driver.orders("deploy_bench")[0].params["locale"] == BERLIN.as_json()


class TestSpares:
    @pytest.fixture
    def stocked(self, driver: Driver) -> Driver:
        with driver.work.begin(actor="test") as uow:
            benches.get_bench(uow.session, driver.bench_id).facts = {"templates": [{"apps": ["base"]}]}
        self.tend(driver)
        driver.finish_all()
        return driver

    def tend(self, driver: Driver, home: Locale = CONTRACTS_OWN) -> None:
        with driver.work.begin(actor="test") as uow:
            spares.tend(uow, Policy(1, 4, home))

    def test_of_another_home_are_no_use(self, stocked: Driver) -> None:
        stocked.observe(home=PARIS)
        stocked.run()
        assert "prepared" not in stocked.orders("create_site")[0].params

    def test_are_kept_for_homes_that_were_asked_for_within_the_hour(self, stocked: Driver) -> None:
        stocked.observe(home=PARIS)
        stocked.finish_all()
        self.tend(stocked)
        stocked.run()
        (order,) = stocked.orders("prepare_site")
        assert order.params["locale"] == PARIS
        stocked.finish_all()
        stocked.observe(external_id="second", home=PARIS)
        stocked.run()
        assert stocked.orders("create_site")[0].params["prepared"] is True
        stocked.finish_all()
        stocked.clock.advance(hours=2)
        for _ in range(2):
            self.tend(stocked)
            stocked.finish_all()
        with stocked.work.read() as session:
            left = spares.list_standing(session, [stocked.bench_id])
        assert len(left) == 1, "only the platform's own home is kept without demand"

    def test_are_not_kept_for_orders_that_came_to_nothing(self, stocked: Driver) -> None:
        self.order_and_end(stocked, "Europe/Paris")
        assert stocked.orders("create_site") == []
        self.tend(stocked)
        stocked.run()
        assert stocked.orders("prepare_site") == []

    def test_of_other_homes_are_few_on_each_bench_those_that_are_asked_for_most_first(
        self, stocked: Driver
    ) -> None:
        for number in range(6):
            stocked.observe(external_id=f"n{number}", home={**PARIS, "time_zone": ZONES[number]})
        stocked.observe(external_id="again", home={**PARIS, "time_zone": ZONES[5]})
        stocked.finish_all()
        for _ in range(6):
            self.tend(stocked)
            stocked.finish_all()
        with stocked.work.read() as session:
            assert len(spares.list_standing(session, [stocked.bench_id])) == 1 + MOST_ABROAD
        prepared = [each for each in stocked.agents.orders.values() if each.operation == "prepare_site"]
        zones = [each.params["locale"]["time_zone"] for each in prepared if "locale" in each.params]
        assert len(zones) == MOST_ABROAD
        assert zones[:2] == [ZONES[5]] * 2

    def order_and_end(self, driver: Driver, zone: str) -> None:
        team_id = driver.active_site(plan_code="business").team_id
        with driver.work.begin(actor="owner") as uow:
            site = sites.reserve(
                uow,
                team_id=team_id,
                name="short-lived",
                domain="localhost",
                apps=("base",),
                company="x",
                admin_email="a@b.example",
                locale=Locale(**{**PARIS, "time_zone": zone}),
            )
            sites.set_wanted(uow, site, Wanted.ARCHIVED, why="asked")
        driver.run()

    def test_follow_the_platform_when_it_moves_home(self, stocked: Driver) -> None:
        self.tend(stocked, BERLIN)
        stocked.run()
        assert stocked.orders("prepare_site")[0].params["locale"] == BERLIN.as_json()
        with stocked.work.read() as session:
            ready = spares.list_standing(session, [stocked.bench_id])
        gone = {order.params["site_id"] for order in stocked.orders("drop_site")}
        made = {order.params["site_id"] for order in stocked.orders("prepare_site")}
        assert set(ready) == gone | made
