"""Backups: only what was read back counts."""

import pytest

from press_app.backups import service as backups
from press_app.backups.errors import BackupNotVerified, BackupUnknown
from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.billing.errors import NotEntitled
from press_app.kit.pagination import PageRequest
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import SiteStatus
from press_app.work.lease import SubjectBusy
from tests.factories.agents import make_receipt
from tests.factories.subscriptions import UNPAID
from tests.press_app.driver import Driver


def take(driver: Driver, site_id: str) -> str:
    with driver.work.begin(actor="owner") as uow:
        backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site_id))
    driver.run()
    return backup_id


def get(driver: Driver, backup_id: str) -> Backup:
    with driver.work.read() as session:
        return backups.get_backup(session, backup_id)


def restore(driver: Driver, site_id: str, backup_id: str) -> None:
    with driver.work.begin(actor="owner") as uow:
        backup = backups.get_backup(uow.session, backup_id)
        backups.request_restore(uow, sites.get_site(uow.session, site_id), backup)
    driver.run()


class TestTake:
    def test_counts_when_it_was_read_back(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        assert get(driver, backup_id).status is BackupStatus.TAKING
        assert driver.edge.probe("acme.localhost") == 200, "the site serves meanwhile"
        driver.answer()
        backup = get(driver, backup_id)
        assert (backup.status, backup.size_bytes, backup.kind, backup.engine) == (
            BackupStatus.VERIFIED,
            4096,
            "manual",
            "tryton",
        )
        assert backup.verified_at == driver.clock.now()

    def test_does_not_count_when_it_was_not(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.answer(backup=make_receipt(backup_id, site.id, driver.clock.now(), verified_at=None))
        backup = get(driver, backup_id)
        assert (backup.status, backup.receipt) == (BackupStatus.FAILED, None)
        with pytest.raises(BackupNotVerified):
            restore(driver, site.id, backup_id)
        with driver.work.read() as session:
            assert backups.find_newest(session, site.id) is None

    def test_says_why_it_failed(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.refuse("take_backup", "The store is full.")
        assert get(driver, backup_id).error == "The store is full."
        assert driver.site().status is SiteStatus.ACTIVE

    def test_is_one_at_a_time(self, driver: Driver) -> None:
        site = driver.active_site()
        take(driver, site.id)
        with pytest.raises(SubjectBusy, match=r"Back up acme\.localhost"):
            take(driver, site.id)

    def test_is_not_taken_of_a_site_that_is_moving(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        with pytest.raises(SiteNotReady):
            take(driver, driver.site().id)

    def test_late_is_given_up_and_counts_when_it_comes_after_all(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.call("backup.overdue")
        assert get(driver, backup_id).status is BackupStatus.TAKING
        driver.clock.advance(hours=2, minutes=1)
        driver.call("backup.overdue")
        assert get(driver, backup_id).status is BackupStatus.FAILED
        driver.answer("take_backup")
        backup = get(driver, backup_id)
        assert (backup.status, backup.error) == (BackupStatus.VERIFIED, None)
        with driver.work.begin(actor="reconciler") as uow:
            backups.on_overdue(uow, backup_id)
        assert get(driver, backup_id).status is BackupStatus.VERIFIED


class TestRestore:
    def test_puts_the_data_back_behind_a_closed_door(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.finish_all()
        restore(driver, site.id, backup_id)
        assert driver.edge.probe("acme.localhost") == 503
        (order,) = driver.orders("restore_site")
        assert order.params["backup"] == get(driver, backup_id).receipt
        driver.finish_all()
        assert driver.edge.probe("acme.localhost") == 200

    def test_takes_no_backup_of_another_site(self, driver: Driver) -> None:
        acme, other = driver.active_site(), driver.active_site("bakery")
        backup_id = take(driver, acme.id)
        driver.finish_all()
        with pytest.raises(BackupUnknown):
            restore(driver, other.id, backup_id)

    def test_waits_until_the_holds_are_lifted(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.finish_all()
        driver.observe("hold", reason=UNPAID)
        with pytest.raises(SiteNotReady):
            restore(driver, site.id, backup_id)

    def test_brings_no_apps_back_that_the_plan_does_not_grant_any_more(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        before = take(driver, site.id)
        driver.finish_all()
        with driver.work.begin(actor="owner") as uow:
            sites.request_apps(uow, sites.get_site(uow.session, site.id), ["base"])
        driver.finish_all()
        after = take(driver, site.id)
        driver.finish_all()
        driver.observe(plan_code="starter")
        with pytest.raises(NotEntitled, match=r"The backup has crm, hr, which .* or choose a backup without"):
            restore(driver, site.id, before)
        assert driver.orders("restore_site") == []
        restore(driver, site.id, after)
        driver.finish_all()
        assert (driver.site().status, driver.site().apps) == (SiteStatus.ACTIVE, ["base"])

    def test_keeps_apps_that_the_site_has_although_its_plan_became_smaller(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        backup_id = take(driver, site.id)
        driver.finish_all()
        driver.observe(plan_code="starter")
        restore(driver, site.id, backup_id)
        driver.finish_all()
        assert driver.site().apps == ["base", "crm", "hr"]

    def test_takes_the_apps_of_the_data_where_the_host_says_them(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        backup_id = take(driver, site.id)
        driver.finish_all()
        with driver.work.begin(actor="test") as uow:
            backups.get_backup(uow.session, backup_id).apps = None  # As an earlier version left it.
            sites.request_apps(uow, sites.get_site(uow.session, site.id), ["base"])
        driver.finish_all()
        restore(driver, site.id, backup_id)
        driver.answer("restore_site", apps=["base", "crm", "hr"])
        assert (driver.site().apps, get(driver, backup_id).apps) == (["base", "crm", "hr"],) * 2

    @pytest.mark.parametrize("told", [None, [], "base", ["no such", 7]])
    def test_trusts_its_own_word_where_the_host_says_nothing_that_can_be(
        self, driver: Driver, told: object
    ) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.finish_all()
        restore(driver, site.id, backup_id)
        driver.answer("restore_site", apps=told)
        assert driver.site().apps == ["base"]

    def test_that_was_taken_back_leaves_the_site_running(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.finish_all()
        restore(driver, site.id, backup_id)
        driver.refuse("restore_site", "The archive is damaged.", compensated=True)
        assert driver.site().status is SiteStatus.ACTIVE
        assert driver.edge.probe("acme.localhost") == 200

    def test_that_broke_half_way_is_broken_and_closed(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = take(driver, site.id)
        driver.finish_all()
        restore(driver, site.id, backup_id)
        driver.refuse("restore_site", "The disk is full.", compensated=False)
        assert driver.site().status is SiteStatus.BROKEN
        assert driver.edge.probe("acme.localhost") == 503


class TestList:
    def test_is_newest_first_and_of_one_site(self, driver: Driver) -> None:
        acme, other = driver.active_site(), driver.active_site("bakery")
        made = []
        for site in (acme, other, acme):
            made.append(take(driver, site.id))
            driver.finish_all()
            driver.clock.advance(seconds=1)
        with driver.work.read() as session:
            found = backups.list_backups(session, acme.id, PageRequest())
            newest = backups.find_newest(session, acme.id)
        assert [backup.id for backup in found.items] == [made[2], made[0]]
        assert newest is not None
        assert newest.id == made[2]
