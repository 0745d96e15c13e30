"""What is over is deleted on its host; the newest never, and nothing that somebody may need at the moment."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from press_app.backups import service as backups
from press_app.backups.errors import BackupNotVerified
from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.kit.ids import new_id
from press_app.sites import service as sites
from press_app.work import journal
from tests.factories.agents import make_receipt
from tests.press_app.driver import Driver


def put(driver: Driver, site_id: str, taken_at: datetime, kind: str = "scheduled") -> str:
    """A verified backup of that time."""
    site = driver.site(site_id)
    with driver.work.begin(actor="test") as uow:
        backup = Backup(
            id=new_id(),
            site_id=site_id,
            team_id=site.team_id,
            server_id=driver.server_id,
            engine="tryton",
            kind=kind,
            created_at=taken_at,
            taken_at=taken_at,
        )
        backup.receipt = make_receipt(backup.id, site_id, taken_at)
        backup.enter(BackupStatus.VERIFIED, taken_at)
        uow.session.add(backup)
        return backup.id


def put_hourly(driver: Driver, site_id: str, hours: int) -> list[str]:
    """The newest first."""
    now = driver.clock.now()
    return [put(driver, site_id, now - timedelta(hours=age)) for age in range(hours)]


def expire(driver: Driver) -> list[str]:
    """Look for what is over. Returns what the hosts are told to delete."""
    driver.call("backup.expire")
    driver.run()
    return [named["id"] for order in driver.orders("delete_backups") for named in order.params["backups"]]


def answer(driver: Driver, **found: Any) -> None:
    driver.answer("delete_backups", **{"deleted": [], "missing": [], "locked": [], "foreign": [], **found})


def get(driver: Driver, backup_id: str) -> Backup:
    with driver.work.read() as session:
        return backups.get_backup(session, backup_id)


class TestExpire:
    def test_deletes_what_is_over_and_the_row_says_when_and_why(self, driver: Driver) -> None:
        site = driver.active_site()
        made = put_hourly(driver, site.id, 72)
        over = expire(driver)
        assert made[0] not in over
        assert 40 < len(over) < 48
        assert get(driver, over[0]).status is BackupStatus.DELETING
        answer(driver, deleted=over)
        row = get(driver, over[0])
        assert (row.status, row.deleted_at, row.deleted_why) == (
            BackupStatus.DELETED,
            driver.clock.now(),
            "a newer one stands for its time",
        )
        assert expire(driver) == []

    def test_says_nothing_in_the_timeline(self, driver: Driver) -> None:
        site = driver.active_site()
        put_hourly(driver, site.id, 72)
        answer(driver, deleted=expire(driver))
        with driver.work.read() as session:
            lines = journal.list_timeline(session, site.target)
            assert all("backup" not in line.kind and "Delete" not in line.message for line in lines)

    def test_names_where_each_stands(self, driver: Driver) -> None:
        site = driver.active_site()
        put_hourly(driver, site.id, 60)
        expire(driver)
        (order,) = driver.orders("delete_backups")
        assert all(
            named["location"] == (get(driver, named["id"]).receipt or {})["location"]
            for named in order.params["backups"]
        )

    def test_leaves_a_site_that_is_worked_on(self, driver: Driver) -> None:
        site = driver.active_site()
        made = put_hourly(driver, site.id, 72)
        with driver.work.begin(actor="owner") as uow:
            backup = backups.get_backup(uow.session, made[50])
            backups.request_restore(uow, sites.get_site(uow.session, site.id), backup)
        assert expire(driver) == []

    def test_keeps_what_a_copy_is_made_from(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        put_hourly(driver, site.id, 72)
        wanted = expire(driver)[0]
        driver.refuse("delete_backups")
        with driver.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, site.id)
            backup = backups.get_backup(uow.session, wanted)
            backups.request_copy(
                uow, row, name="copy", domain="localhost", backup=backup, covered_by="operator"
            )
        assert wanted not in expire(driver)

    def test_the_archive_stays_as_long_as_it_stands_for_the_site(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("end")
        driver.finish_all()
        driver.clock.advance(days=800)
        assert expire(driver) == []
        with driver.work.read() as session:
            assert backups.find_newest(session, site.id) is not None

    def test_an_archived_site_keeps_it_beside_what_was_taken_before(self, driver: Driver) -> None:
        site = driver.active_site()
        made = put_hourly(driver, site.id, 40)
        driver.observe("end")
        driver.finish_all()
        over = expire(driver)
        assert set(over) < set(made)


class TestAnswers:
    def make(self, driver: Driver) -> list[str]:
        put_hourly(driver, driver.active_site().id, 72)
        return expire(driver)

    def test_what_is_locked_stands_until_its_date(self, driver: Driver) -> None:
        locked, *others = self.make(driver)
        until = driver.clock.now() + timedelta(days=3)
        answer(driver, deleted=others, locked=[{"id": locked, "until": until.isoformat()}])
        row = get(driver, locked)
        assert (row.status, row.locked_until, row.deleted_why) == (BackupStatus.VERIFIED, until, None)
        assert locked not in expire(driver)
        driver.clock.advance(days=3, minutes=1)
        assert locked in expire(driver)

    def test_a_store_that_is_away_is_asked_again(self, driver: Driver) -> None:
        over = self.make(driver)
        driver.refuse("delete_backups", "The backup store does not answer.")
        assert {get(driver, backup_id).status for backup_id in over} == {BackupStatus.VERIFIED}
        assert expire(driver) == over

    def test_what_was_missing_is_told(self, driver: Driver) -> None:
        over = self.make(driver)
        answer(driver, missing=over)
        assert get(driver, over[0]).status is BackupStatus.DELETED
        with driver.work.read() as session:
            kinds = [line.kind for line in journal.list_timeline(session, driver.site().target)]
        assert "backup.missing" in kinds

    def test_what_stands_in_another_store_is_left(self, driver: Driver) -> None:
        over = self.make(driver)
        answer(driver, foreign=over)
        assert get(driver, over[0]).status is BackupStatus.VERIFIED
        assert expire(driver) == []

    def test_an_order_of_which_nobody_heard_is_over_some_day(self, driver: Driver) -> None:
        over = self.make(driver)
        driver.clock.advance(hours=7)
        driver.call("backup.overdue")
        assert get(driver, over[0]).status is BackupStatus.VERIFIED


def test_what_is_deleted_is_not_restored(driver: Driver) -> None:
    site = driver.active_site()
    put_hourly(driver, site.id, 72)
    over = expire(driver)
    answer(driver, deleted=over)
    with driver.work.begin(actor="owner") as uow:
        row, backup = sites.get_site(uow.session, site.id), backups.get_backup(uow.session, over[0])
        with pytest.raises(BackupNotVerified, match="deleted"):
            backups.request_restore(uow, row, backup)


def test_rows_of_long_ago_are_forgotten_and_those_that_somebody_asked_for_stay(driver: Driver) -> None:
    site = driver.active_site()
    asked = put(driver, site.id, driver.clock.now() - timedelta(days=400), kind="manual")
    put_hourly(driver, site.id, 72)
    over = expire(driver)
    assert asked in over
    answer(driver, deleted=over)
    driver.clock.advance(days=91)
    expire(driver)
    with driver.work.read() as session:
        assert session.get(Backup, asked) is not None
        assert [backup_id for backup_id in over if session.get(Backup, backup_id)] == [asked]
