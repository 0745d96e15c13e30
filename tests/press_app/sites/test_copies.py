"""Copies of a site: from a proven backup, covered like any site, silent for good."""

import pytest

from press_app.backups import service as backups
from press_app.backups.errors import BackupNotVerified, BackupUnknown
from press_app.benches import service as benches
from press_app.benches.lifecycle import BenchEvent
from press_app.billing.errors import NotEntitled
from press_app.keys import service as keys
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.errors import SiteNameTaken, SiteNotReady
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Site
from tests.factories.servers import make_bench, make_release
from tests.factories.subscriptions import TERMINATED
from tests.press_app.driver import Driver


@pytest.fixture
def origin(driver: Driver) -> Site:
    """A site on a plan with room for more, with a setting."""
    site = driver.active_site(plan_code="business")
    with driver.work.begin(actor="owner") as uow:
        sites.request_config(uow, sites.get_site(uow.session, site.id), {"show_help": False})
    driver.finish_all()
    return driver.site(site.id)


def copy(
    driver: Driver,
    origin: Site,
    name: str = "acme-staging",
    backup_id: str | None = None,
    covered_by: str | None = None,
) -> str:
    with driver.work.begin(actor="owner") as uow:
        backup = backups.get_backup(uow.session, backup_id) if backup_id else None
        row = sites.get_site(uow.session, origin.id)
        made = backups.request_copy(
            uow, row, name=name, domain="localhost", backup=backup, covered_by=covered_by
        )
        return made.id


def hold(driver: Driver, site: Site, kind: HoldKind) -> None:
    with driver.work.begin(actor="operator") as uow:
        sites.place_hold(uow, sites.get_site(uow.session, site.id), kind, "Looked at.")


def back_up(driver: Driver, site: Site) -> str:
    with driver.work.begin(actor="owner") as uow:
        backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site.id))
    driver.finish_all()
    return backup_id


class TestCopy:
    def test_waits_for_a_fresh_backup_and_is_made_from_it(self, driver: Driver, origin: Site) -> None:
        copy_id = copy(driver, origin)
        driver.run()
        assert driver.site(copy_id).status is SiteStatus.RESERVED
        assert len(driver.orders("take_backup")) == 1
        driver.answer("take_backup")
        assert driver.site(copy_id).status is SiteStatus.INSTALLING
        (order,) = driver.orders("restore_site")
        backup = order.params.pop("backup")
        assert (backup["site_id"], backup["id"]) == (origin.id, driver.site(copy_id).origin_backup_id)
        assert order.params == {
            "bench_id": driver.bench_id,
            "site_id": copy_id,
            "backup_key": keys.name_key(backup["key_id"]),
            "hostname": "acme-staging.localhost",
            "state": "active",
            "copied_from": origin.id,
            "config": {"show_help": False},
            "muted": True,
        }
        assert driver.edge.probe("acme-staging.localhost") == 404
        driver.finish_all()
        made = driver.site(copy_id)
        assert made.status is SiteStatus.ACTIVE
        assert driver.edge.probe("acme-staging.localhost") == 200
        assert (made.apps, made.config, made.admin_login, made.locale) == (
            origin.apps,
            origin.config,
            origin.admin_login,
            origin.locale,
        )
        assert driver.coverage(copy_id).subscription_id == driver.coverage(origin.id).subscription_id

    def test_of_a_named_backup_needs_no_other(self, driver: Driver, origin: Site) -> None:
        backup_id = back_up(driver, origin)
        copy_id = copy(driver, origin, backup_id=backup_id)
        driver.run()
        assert driver.orders("take_backup") == []
        assert driver.orders("restore_site")[0].params["backup"]["id"] == backup_id
        driver.finish_all()
        assert driver.site(copy_id).status is SiteStatus.ACTIVE

    def test_has_the_apps_of_its_backup(self, driver: Driver, origin: Site) -> None:
        backup_id = back_up(driver, origin)
        with driver.work.begin(actor="owner") as uow:
            sites.request_apps(uow, sites.get_site(uow.session, origin.id), ["base"])
        driver.finish_all()
        copy_id = copy(driver, origin, backup_id=backup_id)
        driver.finish_all()
        assert driver.site(copy_id).apps == ["base", "crm", "hr"]

    def test_has_no_settings_of_apps_that_its_backup_lacks(self, driver: Driver, origin: Site) -> None:
        with driver.work.begin(actor="owner") as uow:
            sites.request_apps(uow, sites.get_site(uow.session, origin.id), ["base"])
        driver.finish_all()
        backup_id = back_up(driver, origin)
        with driver.work.begin(actor="owner") as uow:
            sites.request_apps(uow, sites.get_site(uow.session, origin.id), ["base", "crm"])
        driver.finish_all()
        with driver.work.begin(actor="owner") as uow:
            sites.request_config(uow, sites.get_site(uow.session, origin.id), {"crm_page": 1, "crm": 1})
        driver.finish_all()
        copy_id = copy(driver, origin, backup_id=backup_id)
        assert driver.site(copy_id).config == {"crm": 1}

    def test_stays_silent_wherever_it_is_made_anew(self, driver: Driver, origin: Site) -> None:
        copy_id = copy(driver, origin)
        driver.finish_all()
        backup_id = back_up(driver, driver.site(copy_id))
        with driver.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, copy_id)
            backups.request_restore(uow, row, backups.get_backup(uow.session, backup_id))
        driver.run()
        params = driver.orders("restore_site")[0].params
        assert params["muted"] is True
        assert "copied_from" not in params
        driver.finish_all()
        with driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            there = make_bench(uow, server, release=make_release(uow, "tryton-9")).id
        with driver.work.begin(actor="operator") as uow:
            sites.request_move(uow, sites.get_site(uow.session, copy_id), bench_id=there)
        driver.run()
        assert driver.orders("move_site")[0].params["muted"] is True

    def test_of_an_archived_site_is_made_from_its_backup(self, driver: Driver, origin: Site) -> None:
        backup_id = back_up(driver, origin)
        with driver.work.begin(actor="owner") as uow:
            sites.set_wanted(uow, sites.get_site(uow.session, origin.id), Wanted.ARCHIVED, why="asked")
        driver.finish_all()
        copy_id = copy(driver, origin, backup_id=backup_id)
        driver.finish_all()
        assert driver.site(copy_id).status is SiteStatus.ACTIVE

    def test_comes_and_goes_like_any_other_site(self, driver: Driver, origin: Site) -> None:
        copy_id = copy(driver, origin)
        driver.finish_all()
        driver.observe("end", plan_code="business", reason=TERMINATED)
        driver.finish_all()
        assert driver.site(copy_id).status is SiteStatus.ARCHIVED


class TestPlace:
    def test_is_near_its_origin_of_the_same_release(self, driver: Driver, origin: Site) -> None:
        with driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            fuller = make_bench(uow, server, release=make_release(uow, "tryton-9"), max_sites=2)
            fuller.site_count = 1
        copy_id = copy(driver, origin)
        driver.finish_all()
        assert driver.site(copy_id).bench_id == origin.bench_id

    def test_is_on_another_of_its_engine_where_there_is_none_and_else_waits(
        self, driver: Driver, origin: Site
    ) -> None:
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, driver.bench_id), BenchEvent.DRAIN)
            server = servers.get_server(uow.session, driver.server_id)
            make_bench(uow, server, engine="other")
        copy_id = copy(driver, origin)
        driver.finish_all()
        waiting = driver.site(copy_id)
        assert (waiting.status, waiting.error and waiting.error["code"]) == (SiteStatus.RESERVED, "no_bench")
        with driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            there = make_bench(uow, server, release=make_release(uow, "tryton-9")).id
        driver.call("site.reconcile")
        driver.finish_all()
        assert driver.site(copy_id).bench_id == there


class TestRefusals:
    def test_a_plan_without_room(self, driver: Driver) -> None:
        site = driver.active_site()
        with pytest.raises(NotEntitled):
            copy(driver, site)
        assert driver.orders("take_backup") == []

    def test_a_name_that_is_taken_and_a_site_that_nobody_pays_for(self, driver: Driver, origin: Site) -> None:
        with pytest.raises(SiteNameTaken):
            copy(driver, origin, "acme")
        hold(driver, origin, HoldKind.BILLING)
        with pytest.raises(SiteNotReady, match="Name one of its backups instead"):
            copy(driver, origin)

    @pytest.mark.parametrize("kind", [HoldKind.SECURITY, HoldKind.OPERATOR, HoldKind.QUOTA])
    def test_a_site_that_is_held_for_what_it_does_but_for_an_operator(
        self, driver: Driver, origin: Site, kind: HoldKind
    ) -> None:
        backup_id = back_up(driver, origin)
        hold(driver, origin, kind)
        driver.finish_all()
        for named in (backup_id, None):
            with pytest.raises(SiteNotReady, match=f"is held \\({kind}\\).*ask an operator"):
                copy(driver, origin, backup_id=named)
        copy_id = copy(driver, origin, backup_id=backup_id, covered_by="operator")
        driver.finish_all()
        assert driver.site(copy_id).status is SiteStatus.ACTIVE

    def test_a_backup_of_another_site_or_one_that_is_not_proven(self, driver: Driver, origin: Site) -> None:
        other = driver.active_site("globex", plan_code="business")
        with pytest.raises(BackupUnknown):
            copy(driver, origin, backup_id=back_up(driver, other))
        with driver.work.begin(actor="owner") as uow:
            taking, _ = sites.request_backup(uow, sites.get_site(uow.session, origin.id))
        with pytest.raises(BackupNotVerified):
            copy(driver, origin, backup_id=taking)


class TestFailures:
    def test_a_backup_that_failed_calls_it_off_and_frees_name_and_place(
        self, driver: Driver, origin: Site
    ) -> None:
        copy_id = copy(driver, origin)
        driver.run()
        driver.refuse("take_backup", "The store is full.")
        made = driver.site(copy_id)
        assert (made.status, made.hostname) == (SiteStatus.PURGED, None)
        assert made.error is not None
        assert "The store is full." in made.error["message"]
        copy(driver, origin)
        driver.finish_all()
        assert driver.edge.probe("acme-staging.localhost") == 200

    def test_one_that_left_nothing_is_tried_again(self, driver: Driver, origin: Site) -> None:
        copy_id = copy(driver, origin)
        driver.finish_all_but("restore_site")
        driver.refuse("restore_site", "The disk is full.")
        assert driver.site(copy_id).status is SiteStatus.RESERVED
        driver.pass_time(seconds=6)
        driver.finish_all()
        assert driver.site(copy_id).status is SiteStatus.ACTIVE
        assert len([job for job in driver.list_jobs(origin) if job.operation == "take_backup"]) == 1

    def test_one_that_left_something_is_broken_and_repaired_from_the_same_backup(
        self, driver: Driver, origin: Site
    ) -> None:
        copy_id = copy(driver, origin)
        driver.finish_all_but("restore_site")
        driver.refuse("restore_site", compensated=False)
        assert driver.site(copy_id).status is SiteStatus.BROKEN
        driver.pass_time(seconds=6)
        (order,) = driver.orders("restore_site")
        assert order.params["copied_from"] == origin.id
        driver.finish_all()
        assert driver.site(copy_id).status is SiteStatus.ACTIVE


def test_a_restore_brings_back_the_apps_of_its_backup(driver: Driver, origin: Site) -> None:
    with driver.work.begin(actor="owner") as uow:
        job = sites.request_apps(uow, sites.get_site(uow.session, origin.id), ["base"])
    driver.finish_all()
    assert driver.site(origin.id).apps == ["base"]
    with driver.work.begin(actor="owner") as uow:
        before = backups.get_backup(uow.session, str(job.params["backup_id"]))
        backups.request_restore(uow, sites.get_site(uow.session, origin.id), before)
    driver.finish_all()
    assert driver.site(origin.id).apps == ["base", "crm", "hr"]
