"""Apps of a site: the whole wanted set, refused early, installed and removed by one job."""

import pytest

from press_app.backups import service as backups
from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.benches import service as benches
from press_app.benches.lifecycle import BenchEvent
from press_app.billing.errors import NotEntitled
from press_app.errors import PressError
from press_app.kit.pagination import PageRequest
from press_app.plans import service as plans
from press_app.plans.errors import AppUnknown
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.errors import AppNeeded, AppNotOffered, NothingToChange, SiteNotReady
from press_app.sites.lifecycle import HoldKind, SiteStatus
from press_app.work import journal
from press_app.work.lease import SubjectBusy
from tests.factories.agents import make_receipt
from tests.factories.servers import make_bench, make_release
from tests.press_app.driver import Driver

CODE = {"url": "https://git.example/x", "commit": "a" * 40}


def change(driver: Driver, *apps: str) -> None:
    with driver.work.begin(actor="owner") as uow:
        sites.request_apps(uow, sites.get_site(uow.session, driver.site().id), apps)


def list_backups(driver: Driver) -> list[Backup]:
    with driver.work.read() as session:
        return list(backups.list_backups(session, driver.site().id, PageRequest(None, 50)).items)


def list_kinds(driver: Driver) -> list[str]:
    with driver.work.read() as session:
        return [line.kind for line in journal.list_timeline(session, driver.site().target)]


@pytest.fixture
def small(driver: Driver) -> Driver:
    """A site with the ERP alone, on a plan that grants more."""
    driver.active_site()
    driver.observe(plan_code="business")
    return driver


class TestChange:
    def test_closes_the_edge_backs_up_and_opens_again(self, small: Driver) -> None:
        change(small, "base", "crm")
        small.run()
        site = small.site()
        assert site.status is SiteStatus.UPDATING
        assert small.edge.probe("acme.localhost") == 503
        (order,) = small.orders("change_apps")
        (backup,) = list_backups(small)
        assert order.params == {
            "bench_id": small.bench_id,
            "site_id": site.id,
            "key": order.params["key"],
            "apps": ["base", "crm"],
            "backup_id": backup.id,
        }
        assert (backup.kind, backup.status) == ("before-change", BackupStatus.TAKING)
        assert site.apps == ["base"], "not before the host has them"
        small.answer()
        site = small.site()
        assert (site.status, site.apps, site.size_bytes) == (SiteStatus.ACTIVE, ["base", "crm"], 2_000_000)
        assert small.edge.probe("acme.localhost") == 200
        assert list_backups(small)[0].status is BackupStatus.VERIFIED
        assert site.last_change is not None
        assert site.last_change["outcome"] == "done"
        assert site.last_change["closed_seconds"] == 12.5
        assert site.last_change["message"] == "Apps: crm installed. It was closed for 12.5 s."
        assert "site.changed" in list_kinds(small)

    def test_what_the_host_installed_besides_is_known_too(self, small: Driver) -> None:
        change(small, "base", "hr")
        small.run()
        small.answer(apps=["base", "crm", "hr"])
        assert small.site().apps == ["base", "crm", "hr"]

    def test_removes_what_is_not_named(self, driver: Driver) -> None:
        driver.active_site(plan_code="business")
        change(driver, "base", "hr")
        driver.finish_all()
        site = driver.site()
        assert site.apps == ["base", "hr"]
        assert site.last_change is not None
        assert "crm removed with its data" in site.last_change["message"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("apps", "error"),
        [
            (["crm"], AppNeeded),
            (["base"], NothingToChange),
            (["base", "Pay Roll"], AppUnknown),
            (["base", "chess"], AppNotOffered),
        ],
    )
    def test_come_before_anything_is_touched(
        self, small: Driver, apps: list[str], error: type[PressError]
    ) -> None:
        with pytest.raises(error, match="Nothing was changed"):
            change(small, *apps)
        assert small.orders() == []
        assert list_backups(small) == []
        assert small.site().status is SiteStatus.ACTIVE

    def test_an_app_that_the_plan_does_not_grant(self, driver: Driver) -> None:
        driver.active_site()
        with pytest.raises(NotEntitled, match="does not grant crm"):
            change(driver, "base", "crm")

    def test_what_is_there_already_may_stay_and_others_may_go_whatever_the_plan_says(
        self, driver: Driver
    ) -> None:
        driver.active_site(plan_code="business")
        driver.observe(plan_code="starter")
        change(driver, "base", "hr")
        driver.finish_all()
        assert driver.site().apps == ["base", "hr"]

    def test_a_held_a_busy_and_a_closed_site(self, small: Driver) -> None:
        with small.work.begin(actor="owner") as uow:
            sites.request_backup(uow, sites.get_site(uow.session, small.site().id))
        with pytest.raises(SubjectBusy):
            change(small, "base", "crm")
        small.finish_all()
        with small.work.begin(actor="operator") as uow:
            site = sites.get_site(uow.session, small.site().id)
            sites.place_hold(uow, site, HoldKind.OPERATOR, "Looked at.")
        with pytest.raises(SiteNotReady, match="held"):
            change(small, "base", "crm")
        small.finish_all()
        with pytest.raises(SiteNotReady, match="suspended"):
            change(small, "base", "crm")


class TestFailures:
    def test_one_that_was_undone_leaves_everything_as_it_was(self, small: Driver) -> None:
        change(small, "base", "crm")
        small.run()
        (order,) = small.orders("change_apps")
        receipt = make_receipt(order.params["backup_id"], order.params["site_id"], small.clock.now())
        small.refuse("change_apps", "The module broke.", step="ensure_apps", result={"backup": receipt})
        site = small.site()
        assert (site.status, site.apps, site.error) == (SiteStatus.ACTIVE, ["base"], None)
        assert small.edge.probe("acme.localhost") == 200
        assert site.last_change is not None
        assert site.last_change["outcome"] == "undone"
        assert "The module broke." in site.last_change["message"]
        assert list_backups(small)[0].status is BackupStatus.VERIFIED, "it was read back before"

    def test_one_that_broke_half_way_is_closed_and_tried_again_by_itself(self, small: Driver) -> None:
        change(small, "base", "crm")
        small.run()
        small.refuse("change_apps", "Out of memory.", compensated=False)
        assert small.site().status is SiteStatus.BROKEN
        assert small.edge.probe("acme.localhost") == 503
        assert list_backups(small)[0].status is BackupStatus.FAILED
        small.pass_time(seconds=6)
        (again,) = small.orders("change_apps")
        assert again.params["apps"] == ["base", "crm"]
        assert (small.site().last_change or {})["outcome"] == "running"
        small.finish_all()
        site = small.site()
        assert (site.status, site.apps, site.failures) == (SiteStatus.ACTIVE, ["base", "crm"], 0)

    def test_a_backup_is_the_way_out_of_what_never_succeeds(self, small: Driver) -> None:
        with small.work.begin(actor="owner") as uow:
            backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, small.site().id))
        small.finish_all()
        change(small, "base", "crm")
        small.run()
        small.refuse("change_apps", compensated=False)
        with small.work.begin(actor="owner") as uow:
            site = sites.get_site(uow.session, small.site().id)
            backups.request_restore(uow, site, backups.get_backup(uow.session, backup_id))
        small.finish_all()
        site = small.site()
        assert (site.status, site.apps, site.change) == (SiteStatus.ACTIVE, ["base"], None)

    def test_a_hold_that_comes_meanwhile_closes_it_when_it_is_done(self, small: Driver) -> None:
        change(small, "base", "crm")
        small.run()
        small.observe("hold", plan_code="business")
        small.finish_all()
        site = small.site()
        assert (site.status, site.apps) == (SiteStatus.SUSPENDED, ["base", "crm"])
        assert small.edge.probe("acme.localhost") == 402

    def test_an_end_that_comes_while_it_is_broken_waits_until_the_change_is_whole(
        self, small: Driver
    ) -> None:
        change(small, "base", "crm")
        small.run()
        small.refuse("change_apps", compensated=False)
        small.observe("end", plan_code="business")
        small.finish_all()
        assert small.site().status is SiteStatus.ARCHIVED

    def test_a_lost_job_is_tried_again(self, small: Driver) -> None:
        change(small, "base", "crm")
        small.run()
        small.agents.lose_ledger(small.server_id)
        small.clock.advance(minutes=46)
        small.call("job.watch")
        small.run()
        assert small.site().status is SiteStatus.BROKEN
        small.pass_time(seconds=6)
        small.finish_all()
        assert small.site().apps == ["base", "crm"]


class TestOffers:
    def add_bench(self, driver: Driver, *sources: str) -> str:
        with driver.work.begin(actor="test") as uow:
            code = [{"app": app, **CODE} for app in sources]
            release = make_release(uow, "frappe-15", "frappe", app_sets=[["base"]], sources=code)
            return make_bench(uow, servers.get_server(uow.session, driver.server_id), release=release).id

    def test_a_release_with_code_of_its_own_offers_what_its_code_is(self, driver: Driver) -> None:
        bench_id = self.add_bench(driver, "frappe", "erpnext", "hrms", "crm")
        with driver.work.read() as session:
            assert benches.list_offered(session, benches.get_bench(session, bench_id)) == (
                "base",
                "crm",
                "hrms",
            )

    def test_a_site_goes_where_its_apps_are(self, driver: Driver) -> None:
        bench_id = self.add_bench(driver, "frappe", "erpnext", "hrms")
        self.grant(driver, "base", "hrms")
        assert driver.active_site().bench_id == bench_id

    def test_the_first_site_gets_what_a_bench_offers_of_what_its_plan_grants(self, driver: Driver) -> None:
        self.grant(driver, "base", "crm", "wiki")
        assert driver.active_site().apps == ["base", "crm"]

    def test_one_that_nobody_offers_waits_and_says_for_what(self, driver: Driver) -> None:
        bench_id = self.add_bench(driver, "frappe", "erpnext", "hrms")
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, bench_id), BenchEvent.DRAIN)
        team_id = driver.active_site().team_id
        with driver.work.begin(actor="operator") as uow:
            waiting = sites.reserve(
                uow,
                team_id=team_id,
                name="second",
                domain="localhost",
                apps=("base", "hrms"),
                company="Acme",
                admin_email="owner@acme.example",
                covered_by="operator",
            ).id
        driver.run()
        site = driver.site(waiting)
        assert site.status is SiteStatus.RESERVED
        assert site.error is not None
        assert "No running bench offers hrms" in site.error["message"]
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, bench_id), BenchEvent.REOPEN)
        driver.call("site.reconcile")
        driver.finish_all()
        assert driver.site(waiting).bench_id == bench_id

    def grant(self, driver: Driver, *apps: str) -> None:
        with driver.work.begin(actor="operator") as uow:
            plans.change_plan(uow, "starter", {"apps": list(apps)})
