"""Another name for a site: the old one leads to it and is nobody else's for some time."""

import pytest
from sqlalchemy import select

from press_app.edge.port import RouteState
from press_app.sites import service as sites
from press_app.sites.errors import NothingToChange, SiteNameInvalid, SiteNameTaken, SiteNotReady
from press_app.sites.lifecycle import AddressKind, SiteStatus, Wanted
from press_app.sites.model import Address, Site
from press_app.work.unit_of_work import UnitOfWork
from tests.factories.subscriptions import UNPAID
from tests.factories.threads import run_at_once
from tests.press_app.driver import Driver

DOMAIN = "localhost"


def rename(driver: Driver, site_id: str, name: str) -> None:
    with driver.work.begin(actor="owner") as uow:
        sites.request_rename(uow, sites.get_site(uow.session, site_id), name, DOMAIN)


def order(uow: UnitOfWork, team_id: str, name: str) -> Site:
    return sites.reserve(
        uow,
        team_id=team_id,
        name=name,
        domain=DOMAIN,
        apps=("base",),
        company="Acme",
        admin_email="owner@acme.example",
        covered_by="operator",
    )


def addresses(driver: Driver) -> dict[str, AddressKind]:
    with driver.work.read() as session:
        return {row.hostname: row.kind for row in session.scalars(select(Address))}


class TestRename:
    def test_leads_on_from_the_old_name_and_serves_all_the_time(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.run()
        assert driver.site().status is SiteStatus.UPDATING
        assert driver.edge.probe("acme.localhost") == 200
        (job,) = driver.orders("rename_site")
        assert job.params == {"bench_id": driver.bench_id, "site_id": site.id, "hostname": "bakery.localhost"}
        driver.answer()
        site = driver.site()
        assert (site.status, site.name, site.hostname) == (SiteStatus.ACTIVE, "bakery", "bakery.localhost")
        assert driver.edge.probe("bakery.localhost") == 200
        assert driver.edge.probe("acme.localhost") == 302
        assert driver.edge.routes["bakery.localhost"].former == ("acme.localhost",)
        assert addresses(driver) == {
            "bakery.localhost": AddressKind.NAME,
            "acme.localhost": AddressKind.FORMER,
        }

    def test_is_not_over_before_the_host_has_told(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.run()
        driver.clock.advance(minutes=20)
        driver.call("site.verify", site_id=site.id)
        assert driver.site().status is SiteStatus.UPDATING

    def test_back_in_the_last_minute_is_not_overtaken_by_the_end_of_the_name(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.finish_all()
        driver.clock.advance(days=29, hours=23, minutes=59)
        rename(driver, site.id, "acme")
        driver.clock.advance(minutes=2)
        driver.call("site.forget")
        with pytest.raises(SiteNameTaken), driver.work.begin(actor="other") as uow:
            order(uow, site.team_id, "acme")
        driver.finish_all()
        assert driver.site().hostname == "acme.localhost"
        assert driver.edge.probe("acme.localhost") == 200

    def test_back_is_possible_at_once(self, driver: Driver) -> None:
        site = driver.active_site()
        for name in ("bakery", "acme"):
            rename(driver, site.id, name)
            driver.finish_all()
        assert driver.site().hostname == "acme.localhost"
        assert driver.edge.probe("acme.localhost") == 200
        assert driver.edge.probe("bakery.localhost") == 302

    def test_all_former_names_lead_to_the_present_one(self, driver: Driver) -> None:
        site = driver.active_site()
        for name in ("bakery", "bakery-two"):
            rename(driver, site.id, name)
            driver.finish_all()
        assert driver.edge.routes["bakery-two.localhost"].former == ("acme.localhost", "bakery.localhost")

    def test_a_hold_closes_it_while_its_name_changes(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.run()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        assert driver.edge.probe("acme.localhost") == 402
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED
        assert driver.edge.probe("bakery.localhost") == 402


class TestFailures:
    def test_one_that_was_undone_frees_the_name(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.run()
        driver.refuse("rename_site", "The bench does not answer.")
        site = driver.site()
        assert (site.status, site.hostname) == (SiteStatus.ACTIVE, "acme.localhost")
        assert addresses(driver) == {"acme.localhost": AddressKind.NAME}

    def test_one_back_that_was_undone_stays_a_former_name(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.finish_all()
        rename(driver, site.id, "acme")
        driver.run()
        driver.refuse("rename_site")
        assert addresses(driver)["acme.localhost"] is AddressKind.FORMER
        assert driver.edge.probe("acme.localhost") == 302

    def test_one_that_broke_is_tried_again_with_the_same_name(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.run()
        driver.refuse("rename_site", compensated=False)
        assert driver.site().status is SiteStatus.BROKEN
        driver.pass_time(seconds=6)
        driver.finish_all()
        assert driver.site().hostname == "bakery.localhost"

    def test_a_silent_agent_breaks_it_and_its_late_news_do_not_count(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.run()
        driver.clock.advance(minutes=61)
        driver.call("site.reconcile")
        assert driver.site().status is SiteStatus.BROKEN
        assert driver.site().error is not None
        assert (driver.site().error or {})["action"] == "change"


class TestNames:
    @pytest.mark.parametrize(("name", "error"), [("www", SiteNameInvalid), ("acme", NothingToChange)])
    def test_that_cannot_be(self, driver: Driver, name: str, error: type[Exception]) -> None:
        site = driver.active_site()
        with pytest.raises(error, match="Nothing was"):
            rename(driver, site.id, name)

    def test_that_others_have_or_had_lately(self, driver: Driver) -> None:
        site, other = driver.active_site(), driver.active_site("globex")
        with pytest.raises(SiteNameTaken, match=r"globex is taken.*globex-erp and globex-2 is free"):
            rename(driver, site.id, "globex")
        rename(driver, site.id, "bakery")
        driver.finish_all()
        with pytest.raises(SiteNameTaken, match="leads to it until 23 December 2026"):
            rename(driver, other.id, "acme")
        with pytest.raises(SiteNameTaken, match="leads to it"), driver.work.begin(actor="x") as uow:
            order(uow, other.team_id, "acme")
        with driver.work.begin(actor="x") as uow:
            assert sites.free_name(uow, "acme", DOMAIN) == "acme-2"

    def test_that_a_rename_is_about_to_take_are_nobody_elses(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        with pytest.raises(SiteNameTaken), driver.work.begin(actor="x") as uow:
            order(uow, site.team_id, "bakery")

    def test_are_free_when_their_time_is_over(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.finish_all()
        driver.clock.advance(days=29)
        driver.call("site.forget")
        assert driver.edge.probe("acme.localhost") == 302
        driver.clock.advance(days=2)
        driver.call("site.forget")
        driver.call("edge.publish")
        assert driver.edge.probe("acme.localhost") == 404
        with driver.work.begin(actor="x") as uow:
            order(uow, site.team_id, "acme")

    def test_are_free_even_before_they_were_forgotten(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.finish_all()
        driver.clock.advance(days=31)
        with driver.work.begin(actor="x") as uow:
            order(uow, site.team_id, "acme")

    def test_are_free_when_the_site_is_archived_but_for_its_own(self, driver: Driver) -> None:
        site = driver.active_site()
        rename(driver, site.id, "bakery")
        driver.finish_all()
        driver.observe("end")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ARCHIVED
        assert addresses(driver) == {"bakery.localhost": AddressKind.NAME}

    def test_are_free_when_it_was_called_off(self, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            team_id = driver.observe().subscription.team_id
            site = order(uow, team_id, "second")
            site.route = RouteState.NONE
            sites.set_wanted(uow, site, Wanted.ARCHIVED, why="asked")
        driver.run()
        assert "second.localhost" not in addresses(driver)

    def test_of_two_who_want_one_at_the_same_moment_one_gets_it(self, driver: Driver) -> None:
        wanting = [driver.active_site(name).id for name in ("acme", "globex", "initech")]
        team_id = driver.site(wanting[0]).team_id

        def take() -> None:
            site_id = wanting.pop()
            if site_id is None:
                with driver.work.begin(actor="x") as uow:
                    order(uow, team_id, "bakery")
            else:
                rename(driver, site_id, "bakery")

        wanting.append(None)  # type: ignore[arg-type]  # stands for an order
        failed = run_at_once(4, take)
        assert len(failed) == 3
        assert {error.code for error in failed} <= {"site_name_taken", "stale_write", "database_busy"}
        driver.finish_all()
        assert driver.edge.probe("bakery.localhost") == 200


def test_a_site_that_is_not_active_keeps_its_name(driver: Driver) -> None:
    site = driver.active_site()
    driver.observe("hold", reason=UNPAID)
    driver.finish_all()
    with pytest.raises(SiteNotReady):
        rename(driver, site.id, "bakery")
