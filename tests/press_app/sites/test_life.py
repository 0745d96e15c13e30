"""From a subscription to a site that answers, and all the way back."""

import pytest

from press_app.billing.errors import NotEntitled
from press_app.edge.port import RouteState
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.work import journal
from tests.factories.subscriptions import TERMINATED, UNPAID
from tests.press_app.driver import Driver


class TestRun:
    def test_makes_one_site_that_is_seen_before_it_is_active(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        site = driver.site()
        assert (site.status, site.hostname, site.wanted) == (
            SiteStatus.INSTALLING,
            "acme.localhost",
            Wanted.RUNNING,
        )
        (order,) = driver.orders("create_site")
        assert order.target == site.target
        assert order.params["hostname"] == "acme.localhost"
        assert driver.edge.probe("acme.localhost") == 404
        assert driver.answer() == 1
        site = driver.site()
        assert (site.status, site.route, site.error) == (SiteStatus.ACTIVE, RouteState.LIVE, None)
        assert driver.edge.probe("acme.localhost") == 200
        assert site.size_bytes == 1_000_000

    def test_is_not_active_before_the_edge_answers(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        driver.edge.is_down = True
        driver.answer()
        assert driver.site().status is SiteStatus.INSTALLING
        driver.edge.is_down = False
        driver.pass_time(seconds=5)
        assert driver.site().status is SiteStatus.ACTIVE

    def test_is_told_in_the_timeline_without_the_password(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.read() as session:
            lines = journal.list_timeline(session, site.target)
        kinds = [line.kind for line in reversed(lines)]
        assert kinds == [
            "site.reserved",
            "site.installing",
            "job.queued",
            "job.succeeded",
            "site.active",
        ]
        assert {line.team_id for line in lines} == {site.team_id}


class TestHold:
    def test_closes_the_edge_at_once_and_then_the_host(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        assert driver.edge.probe("acme.localhost") == 402
        assert driver.edge.routes["acme.localhost"].reason == "billing"
        assert driver.site().status is SiteStatus.SUSPENDING
        (order,) = driver.orders("suspend_site")
        assert order.params["reason"] == "billing"
        driver.answer()
        assert driver.site().status is SiteStatus.SUSPENDED
        with driver.work.read() as session:
            (hold,) = sites.list_holds(session, site.id)
        assert hold.message == UNPAID["message"]

    def test_closes_the_edge_even_while_a_backup_is_taken(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            sites.request_backup(uow, sites.get_site(uow.session, site.id))
        driver.observe("hold", reason=UNPAID)
        driver.run()
        assert driver.edge.probe("acme.localhost") == 402
        assert driver.site().status is SiteStatus.ACTIVE
        driver.answer("take_backup")
        assert [order.operation for order in driver.orders()] == ["suspend_site"]
        driver.answer()
        assert driver.site().status is SiteStatus.SUSPENDED

    def test_is_lifted_by_paying(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold", reason=UNPAID)
        driver.finish_all()
        driver.observe("run")
        driver.run()
        assert driver.edge.probe("acme.localhost") == 503, (
            "the host is not open yet, and nothing is unpaid any more"
        )
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert driver.edge.probe("acme.localhost") == 200

    def test_lifted_before_the_host_heard_of_it_leaves_the_site_open(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            sites.request_backup(uow, sites.get_site(uow.session, site.id))
        driver.observe("hold", reason=UNPAID)
        driver.run()
        driver.observe("run")
        driver.run()
        assert driver.edge.probe("acme.localhost") == 200
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert "suspend_site" not in {job.operation for job in driver.list_jobs()}

    def test_each_hold_is_lifted_by_its_own_side_only(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="operator") as uow:
            row = sites.get_site(uow.session, site.id)
            sites.place_hold(uow, row, HoldKind.OPERATOR, "Abuse was reported.")
        driver.observe("hold", reason=UNPAID)
        driver.finish_all()
        assert driver.edge.routes["acme.localhost"].reason == "operator", "the more serious one is told"
        driver.observe("run")
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED
        assert driver.edge.probe("acme.localhost") == 402
        with driver.work.begin(actor="operator") as uow:
            row = sites.get_site(uow.session, site.id)
            assert sites.lift_hold(uow, row, HoldKind.OPERATOR, why="cleared")
            assert not sites.lift_hold(uow, row, HoldKind.QUOTA, why="was never placed")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_placed_while_installing_keeps_the_edge_closed_from_the_start(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        driver.answer("create_site")
        assert driver.edge.probe("acme.localhost") == 402
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED

    def test_placed_while_resuming_never_opens_the_edge(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("hold", reason=UNPAID)
        driver.finish_all()
        driver.observe("run")
        driver.run()
        assert driver.site().status is SiteStatus.RESUMING
        driver.observe("hold", reason=UNPAID)
        driver.run()
        driver.answer("resume_site")
        assert driver.edge.probe("acme.localhost") == 402
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED

    def test_keeps_a_reserved_site_from_being_made(self, driver: Driver) -> None:
        driver.observe()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        assert driver.site().status is SiteStatus.RESERVED
        driver.observe("run")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE


class TestEnd:
    def test_archives_with_a_proven_backup_and_nothing_answers_then(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.run()
        assert driver.edge.probe("acme.localhost") == 402
        driver.finish_all()
        site = driver.site()
        assert (site.status, site.route) == (SiteStatus.ARCHIVED, RouteState.NONE)
        assert driver.edge.probe("acme.localhost") == 404
        assert site.archived_at is not None
        assert site.undo_until is not None
        assert (site.undo_until - site.archived_at).days == driver.runtime.settings.undo_days

    def test_run_again_brings_the_site_back(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        driver.observe("run")
        driver.run()
        assert driver.edge.probe("acme.localhost") == 503
        (order,) = driver.orders("restore_site")
        archive = next(job for job in driver.list_jobs() if job.operation == "archive_site")
        assert archive.result is not None
        assert order.params["backup"] == archive.result["backup"]
        driver.finish_all()
        back = driver.site()
        assert (back.id, back.status, back.archived_at) == (site.id, SiteStatus.ACTIVE, None)
        assert driver.edge.probe("acme.localhost") == 200

    def test_run_again_brings_the_site_back_after_the_time_of_its_owner_too(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        driver.clock.advance(days=45)
        driver.observe("run")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_while_installing_waits_for_the_site_and_then_archives_it(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        driver.observe("end", reason=TERMINATED)
        driver.run()
        assert [order.operation for order in driver.orders()] == ["create_site"]
        driver.finish_all()
        assert driver.site().status is SiteStatus.ARCHIVED
        assert [job.operation for job in driver.list_jobs()].count("archive_site") == 1

    def test_before_it_was_made_frees_the_name(self, driver: Driver) -> None:
        driver.observe()
        driver.observe("end", reason=TERMINATED)
        driver.run()
        site = driver.site()
        assert (site.status, site.hostname) == (SiteStatus.PURGED, None)
        assert driver.list_jobs() == []
        driver.observe("run")
        driver.finish_all()
        names = {(site.name, site.status) for site in driver.list_sites()}
        assert names == {("acme", SiteStatus.PURGED), ("acme", SiteStatus.ACTIVE)}

    def test_an_archive_without_a_proven_backup_does_not_count(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all_but("archive_site")
        (order,) = driver.orders("archive_site")
        unproven = {"id": order.params["backup_id"], "verified_at": None}
        driver.answer("archive_site", backup=unproven)
        site = driver.site()
        assert site.status is SiteStatus.BROKEN
        assert site.archived_at is None
        assert driver.edge.probe("acme.localhost") == 402


class TestUndo:
    def archive(self, driver: Driver) -> str:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            sites.set_wanted(uow, sites.get_site(uow.session, site.id), Wanted.ARCHIVED, why="asked")
        driver.finish_all()
        assert driver.site(site.id).status is SiteStatus.ARCHIVED
        return site.id

    def undo(self, driver: Driver, site_id: str) -> None:
        with driver.work.begin(actor="owner") as uow:
            sites.request_undo(uow, sites.get_site(uow.session, site_id))

    def test_brings_it_back(self, driver: Driver) -> None:
        site_id = self.archive(driver)
        self.undo(driver, site_id)
        driver.finish_all()
        assert driver.site(site_id).status is SiteStatus.ACTIVE

    def test_a_site_that_its_owner_archived_does_not_come_back_by_itself(self, driver: Driver) -> None:
        site_id = self.archive(driver)
        for wanted in ("run", "hold", "run", "end", "run"):
            driver.observe(wanted)
            driver.finish_all()
        assert driver.site(site_id).status is SiteStatus.ARCHIVED
        assert len(driver.list_sites()) == 1

    def test_a_site_that_its_owner_ended_unmade_is_not_replaced(self, driver: Driver) -> None:
        driver.observe()
        site_id = driver.site().id
        with driver.work.begin(actor="owner") as uow:
            sites.set_wanted(uow, sites.get_site(uow.session, site_id), Wanted.ARCHIVED, why="asked")
        driver.finish_all()
        driver.observe("run")
        driver.finish_all()
        assert driver.site().status is SiteStatus.PURGED

    def test_is_refused_when_its_time_is_over(self, driver: Driver) -> None:
        site_id = self.archive(driver)
        driver.clock.advance(days=31)
        with pytest.raises(SiteNotReady):
            self.undo(driver, site_id)

    def test_is_refused_while_the_site_is_held(self, driver: Driver) -> None:
        site_id = self.archive(driver)
        driver.observe("hold", reason=UNPAID)
        with pytest.raises(NotEntitled):
            self.undo(driver, site_id)
        assert driver.site(site_id).wanted is Wanted.ARCHIVED

    def test_is_refused_for_a_site_that_runs(self, driver: Driver) -> None:
        site = driver.active_site()
        with pytest.raises(SiteNotReady):
            self.undo(driver, site.id)
