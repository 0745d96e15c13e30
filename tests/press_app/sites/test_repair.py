"""What broke is tried again by itself, with what the site should be now."""

import pytest

from press_app.backups import service as backups
from press_app.jobs import service as jobs
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import SiteStatus, Wanted
from press_app.sites.rules import Action, repair_action
from tests.factories.agents import make_result
from tests.press_app.driver import Driver


class TestRule:
    @pytest.mark.parametrize(
        ("failed", "wanted", "is_held", "is_saved", "expected"),
        [
            (Action.INSTALL, Wanted.RUNNING, False, False, Action.INSTALL),
            (Action.INSTALL, Wanted.ARCHIVED, False, False, Action.INSTALL),
            (Action.CHANGE, Wanted.RUNNING, True, False, Action.CHANGE),
            (Action.CHANGE, Wanted.ARCHIVED, True, False, Action.CHANGE),
            (Action.RESUME, Wanted.RUNNING, False, False, Action.RESUME),
            (Action.RESUME, Wanted.RUNNING, True, False, Action.SUSPEND),
            (Action.SUSPEND, Wanted.RUNNING, False, False, Action.RESUME),
            (Action.SUSPEND, Wanted.ARCHIVED, True, False, Action.ARCHIVE),
            (Action.ARCHIVE, Wanted.ARCHIVED, True, True, Action.ARCHIVE),
            (Action.ARCHIVE, Wanted.RUNNING, False, False, Action.RESUME),
            (Action.ARCHIVE, Wanted.RUNNING, False, True, Action.RESTORE),
            (Action.ARCHIVE, Wanted.RUNNING, True, True, None),
            (Action.RESTORE, Wanted.RUNNING, False, False, Action.RESTORE),
            (Action.RESTORE, Wanted.RUNNING, True, False, None),
        ],
    )
    def test_what_it_should_be_counts(
        self, failed: Action, wanted: Wanted, is_held: bool, is_saved: bool, expected: Action | None
    ) -> None:
        assert repair_action(failed, wanted, is_held=is_held, is_saved=is_saved) is expected


class TestHiccup:
    def test_a_resume_that_failed_once_succeeds_without_anybody(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold")
        driver.finish_all()
        driver.observe("run")
        driver.run()
        driver.refuse("resume_site", "The bench does not answer.")
        assert driver.site().status is SiteStatus.BROKEN
        assert driver.edge.probe("acme.localhost") == 503, "nothing is unpaid, so no page may say so"
        driver.pass_time(seconds=6)
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_one_paid_while_its_suspension_is_broken_runs_again(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold")
        driver.run()
        driver.refuse("suspend_site", "The bench does not answer.")
        driver.observe("run")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert driver.edge.probe("acme.localhost") == 200

    def test_after_five_failures_a_person_is_asked(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold")
        driver.finish_all()
        driver.observe("run")
        driver.run()
        for _ in range(5):
            driver.refuse("resume_site", "The bench does not answer.")
            driver.pass_time(minutes=20)
        assert driver.site().status is SiteStatus.BROKEN
        assert driver.site().retry_at is None
        assert not driver.orders("resume_site")


class TestArchiveThatFailedAfterItsProof:
    def break_it(self, driver: Driver) -> str:
        site = driver.active_site()
        driver.observe("end")
        driver.finish_all_but("archive_site")
        (order,) = driver.orders("archive_site")
        driver.agents.jobs[order.job_id]["result"] = make_result(order, driver.clock.now())
        driver.refuse("archive_site", "The bench hangs.", compensated=False)
        assert driver.site(site.id).status is SiteStatus.BROKEN
        return site.id

    def test_keeps_the_backup(self, driver: Driver) -> None:
        site_id = self.break_it(driver)
        with driver.work.read() as session:
            newest = backups.find_newest(session, site_id)
        assert newest is not None
        assert newest.verified_at is not None

    def test_goes_on_from_the_backup_by_itself(self, driver: Driver) -> None:
        site_id = self.break_it(driver)
        driver.pass_time(seconds=6)
        (order,) = driver.orders("archive_site")
        assert order.params["backup"]["verified_at"]
        driver.finish_all()
        assert driver.site(site_id).status is SiteStatus.ARCHIVED

    def test_comes_back_from_it_when_paid_again(self, driver: Driver) -> None:
        site_id = self.break_it(driver)
        driver.observe("run")
        driver.run()
        assert len(driver.orders("restore_site")) == 1
        driver.finish_all()
        assert driver.site(site_id).status is SiteStatus.ACTIVE


class TestPasswords:
    def test_each_asker_gets_the_password_that_his_job_sets(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            row = sites.get_site(uow.session, site.id)
            asked = [sites.request_password(uow, row, word) for word in ("first-password", "other-password")]
        with driver.work.begin(actor="test") as uow:
            told = [jobs.open_secret(uow, str(job.params["password"])) for job, _ in asked]
        assert told == ["first-password", "other-password"]


class TestMeasuring:
    def test_leaves_no_lines_and_is_soon_forgotten(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="test") as uow:
            sites.request_usage(uow, sites.get_site(uow.session, site.id))
        driver.finish_all()
        assert len([job for job in driver.list_jobs() if job.operation == "measure_usage"]) >= 1
        driver.clock.advance(hours=7)
        driver.call("job.forget")
        assert not [job for job in driver.list_jobs() if job.operation == "measure_usage"]
        assert [job for job in driver.list_jobs() if job.operation == "create_site"]


def test_nothing_to_retry_is_said(driver: Driver) -> None:
    site = driver.active_site()
    with pytest.raises(SiteNotReady), driver.work.begin(actor="owner") as uow:
        sites.request_retry(uow, sites.get_site(uow.session, site.id))
