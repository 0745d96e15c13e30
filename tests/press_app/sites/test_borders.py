"""What must not happen to a site too early, and what must happen to it at once."""

import pytest

from press_app.backups import service as backups
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from tests.factories.subscriptions import UNPAID
from tests.press_app.driver import Driver

UNDO_DAYS = 30


class TestRestore:
    def back_up(self, driver: Driver, site_id: str) -> str:
        with driver.work.begin(actor="owner") as uow:
            backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site_id))
        driver.finish_all()
        return backup_id

    def restore(self, driver: Driver, site_id: str, backup_id: str) -> None:
        with driver.work.begin(actor="owner") as uow:
            site = sites.get_site(uow.session, site_id)
            backups.request_restore(uow, site, backups.get_backup(uow.session, backup_id))

    def test_of_a_held_site_is_refused_before_and_after_it_was_suspended(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = self.back_up(driver, site.id)
        driver.observe("hold", reason=UNPAID)
        for status in (SiteStatus.ACTIVE, SiteStatus.SUSPENDED):
            assert driver.site().status is status
            with pytest.raises(SiteNotReady, match="held"):
                self.restore(driver, site.id, backup_id)
            driver.finish_all()
        assert driver.edge.probe("acme.localhost") == 402
        assert "restore_site" not in {job.operation for job in driver.list_jobs()}

    def test_is_possible_again_when_the_last_hold_is_lifted(self, driver: Driver) -> None:
        site = driver.active_site()
        backup_id = self.back_up(driver, site.id)
        with driver.work.begin(actor="operator") as uow:
            sites.place_hold(uow, sites.get_site(uow.session, site.id), HoldKind.OPERATOR, "A question.")
        driver.finish_all()
        with driver.work.begin(actor="operator") as uow:
            row = sites.get_site(uow.session, site.id)
            sites.lift_hold(uow, row, HoldKind.OPERATOR, why="answered")
        driver.finish_all()
        self.restore(driver, site.id, backup_id)
        assert driver.site().status is SiteStatus.RESTORING


class TestSeen:
    """A closed edge answers as it should before the host has closed the site."""

    def test_does_not_end_a_state_while_the_job_of_the_host_is_open(self, driver: Driver) -> None:
        site = self.closing(driver)
        driver.call("site.verify", site_id=site)
        assert driver.site().status is SiteStatus.SUSPENDING
        driver.answer("suspend_site")
        assert driver.site().status is SiteStatus.SUSPENDED

    def test_does_not_end_a_state_while_the_result_is_not_settled(self, driver: Driver) -> None:
        site = self.closing(driver)
        (order,) = driver.orders("suspend_site")
        driver.push(driver.agents.fail(driver.server_id, order.job_id, "The bench does not answer."))
        with driver.work.begin(actor="reconciler") as uow:
            assert sites.on_seen(uow, site, 402, undo_days=UNDO_DAYS)
        assert driver.site().status is SiteStatus.SUSPENDING
        driver.run()
        assert driver.site().status is SiteStatus.BROKEN

    def closing(self, driver: Driver) -> str:
        """A site that is closed at the edge while its host still works at it."""
        site = driver.active_site()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        assert driver.site().status is SiteStatus.SUSPENDING
        assert driver.edge.probe("acme.localhost") == 402
        return site.id


class TestArchive:
    def test_of_a_running_site_closes_the_edge_at_once(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, site.id)
            sites.set_wanted(uow, row, Wanted.ARCHIVED, why="its owner asked")
        driver.run()
        assert len(driver.orders("archive_site")) == 1
        assert driver.site().status is SiteStatus.ARCHIVING
        assert driver.edge.probe("acme.localhost") == 503
        driver.finish_all()
        assert driver.edge.probe("acme.localhost") == 404
