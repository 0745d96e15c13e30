"""What subscriptions want, and that sites follow: in any order, any number of times."""

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select

from press_app.billing import rules
from press_app.billing import service as billing
from press_app.billing.errors import GuardNotTripped, NotEntitled
from press_app.billing.model import Coverage, Subscription, WantedState
from press_app.plans import service as plans
from press_app.plans.errors import PlanUnknown
from press_app.plans.rules import Entitlements
from press_app.sites import service as sites
from press_app.sites.errors import SiteNameInvalid, SiteNameTaken
from press_app.sites.lifecycle import SiteStatus, Wanted
from press_app.sites.model import Site
from press_app.teams.errors import TeamUnknown
from press_app.teams.model import Team
from press_app.work.model import JournalRow, TaskStatus
from tests.factories.subscriptions import TERMINATED, UNPAID, make_observation
from tests.factories.threads import run_at_once
from tests.press_app.driver import Driver


def reserve(driver: Driver, team_id: str, name: str = "second", covered_by: str | None = None) -> Site:
    with driver.work.begin(actor="owner") as uow:
        return sites.reserve(
            uow,
            team_id=team_id,
            name=name,
            domain="localhost",
            apps=("base",),
            company="Acme",
            admin_email="owner@acme.example",
            covered_by=covered_by,
        )


class TestObserve:
    def test_the_same_twenty_times_at_once_makes_one_site(self, driver: Driver) -> None:
        command = make_observation(driver.clock.now())

        def observe() -> None:
            with driver.work.begin(actor="bridge") as uow:
                billing.observe(uow, command, driver.runtime.settings)

        assert run_at_once(20, observe) == []
        assert len(driver.list_sites()) == 1
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        with driver.work.read() as session:
            assert len(session.scalars(select(Team)).all()) == 1

    def test_different_readings_at_once_end_with_the_newest(self, driver: Driver) -> None:
        number = count(1)
        words = ["run", "hold", "run", "end", "hold", "run"]

        def observe() -> None:
            serial = next(number)
            at = driver.clock.now() + timedelta(milliseconds=serial)
            command = make_observation(at, wanted=words[serial - 1])
            with driver.work.begin(actor="bridge") as uow:
                billing.observe(uow, command, driver.runtime.settings)

        assert run_at_once(6, observe) == []
        driver.finish_all()
        with driver.work.read() as session:
            subscription = billing.get_subscription(session, "acme")
        assert subscription.wanted is WantedState.RUN
        statuses = sorted(site.status for site in driver.list_sites())
        assert statuses in ([SiteStatus.ACTIVE], [SiteStatus.ACTIVE, SiteStatus.PURGED])

    def test_customers_who_want_the_same_name_at_once_all_get_a_site(self, driver: Driver) -> None:
        number = count(1)

        def observe() -> None:
            command = make_observation(driver.clock.now(), external_id=f"c{next(number)}", name="Bakery")
            with driver.work.begin(actor="bridge") as uow:
                billing.observe(uow, command, driver.runtime.settings)

        assert run_at_once(4, observe) == []
        assert sorted(site.name for site in driver.list_sites()) == [
            "bakery",
            "bakery-2",
            "bakery-3",
            "bakery-4",
        ]

    def test_an_older_or_equal_reading_changes_nothing(self, driver: Driver) -> None:
        site = driver.active_site()
        now = driver.clock.now()
        driver.clock.advance(seconds=1)
        assert driver.observe("hold", reason=UNPAID).applied
        driver.finish_all()
        for at in (now, now - timedelta(days=1)):
            observed = driver.observe("run", observed_at=at)
            assert not observed.applied
            assert observed.subscription.wanted is WantedState.HOLD
        driver.finish_all()
        assert driver.site(site.id).status is SiteStatus.SUSPENDED

    def test_hold_and_end_of_the_unknown_are_stored_and_make_no_site(self, driver: Driver) -> None:
        assert driver.observe("hold", "one", reason=UNPAID).applied
        assert driver.observe("end", "two", reason=TERMINATED).applied
        driver.finish_all()
        assert driver.list_sites() == []
        driver.observe("run", "one")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_an_unknown_plan_is_refused_and_nothing_is_stored(self, driver: Driver) -> None:
        with pytest.raises(PlanUnknown):
            driver.observe(plan_code="gold")
        with driver.work.read() as session:
            assert session.scalars(select(Subscription)).all() == []

    def test_the_first_site_gets_all_apps_of_the_plan(self, driver: Driver) -> None:
        driver.observe(plan_code="business")
        assert driver.site().apps == ["base", "crm", "hr"]

    def test_entitlements_of_the_subscription_replace_those_of_the_plan(self, driver: Driver) -> None:
        granted = {"sites": 2, "users": None, "storage_gb": None, "apps": ["base", "hr"]}
        driver.observe(entitlements=granted)
        site = driver.site()
        assert site.apps == ["base", "hr"]
        reserve(driver, site.team_id, "second")
        with pytest.raises(NotEntitled):
            reserve(driver, site.team_id, "third")

    def test_ids_that_differ_in_case_only_are_two(self, driver: Driver) -> None:
        driver.observe("run", "acme")
        driver.observe("run", "Acme", name="other")
        assert len(driver.list_sites()) == 2

    @pytest.mark.parametrize("name", ["日本", "admin", "-", "1", "x" * 190, "Bäckerei Müller & Söhne"])
    def test_any_name_makes_a_site(self, driver: Driver, name: str) -> None:
        driver.observe("run", "one", name=name)
        driver.observe("run", "two", name=name)
        assert len({site.hostname for site in driver.list_sites()}) == 2


class TestEntitlement:
    def test_a_second_site_on_starter_is_refused_and_leaves_nothing(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.read() as session:
            lines = len(session.scalars(select(JournalRow)).all())
        with pytest.raises(NotEntitled):
            reserve(driver, site.team_id)
        assert driver.run() == 0
        assert len(driver.list_sites()) == 1
        with driver.work.read() as session:
            assert len(session.scalars(select(JournalRow)).all()) == lines
            assert len(session.scalars(select(Coverage)).all()) == 1

    def test_business_has_room_for_three(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        reserve(driver, site.team_id, "second")
        reserve(driver, site.team_id, "third")
        with pytest.raises(NotEntitled):
            reserve(driver, site.team_id, "fourth")

    def test_two_at_once_do_not_share_the_last_place(self, driver: Driver) -> None:
        granted = {"sites": 2, "users": None, "storage_gb": None, "apps": None}
        site = driver.active_site(entitlements=granted)
        number = count(1)
        failed = run_at_once(4, lambda: reserve(driver, site.team_id, f"more{next(number)}"))
        assert [error.code for error in failed] == ["not_entitled"] * 3

    def test_an_operators_word_is_enough(self, driver: Driver) -> None:
        site = driver.active_site()
        free = reserve(driver, site.team_id, covered_by="operator")
        assert driver.coverage(free.id).subscription_id is None
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        assert driver.site(free.id).status is SiteStatus.ACTIVE

    def test_an_archived_site_frees_its_place_and_cannot_take_it_back_when_it_is_taken(
        self, driver: Driver
    ) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            sites.set_wanted(uow, sites.get_site(uow.session, site.id), Wanted.ARCHIVED, why="asked")
        driver.finish_all()
        second = reserve(driver, site.team_id)
        with pytest.raises(NotEntitled), driver.work.begin(actor="owner") as uow:
            sites.request_undo(uow, sites.get_site(uow.session, site.id))
        assert driver.site(site.id).wanted is Wanted.ARCHIVED
        with driver.work.begin(actor="owner") as uow:
            sites.set_wanted(uow, sites.get_site(uow.session, second.id), Wanted.ARCHIVED, why="asked")
        driver.finish_all()
        with driver.work.begin(actor="owner") as uow:
            sites.request_undo(uow, sites.get_site(uow.session, site.id))
        with pytest.raises(NotEntitled):
            reserve(driver, site.team_id, "third")

    def test_a_held_subscription_has_no_room(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        driver.observe("hold", plan_code="business", reason=UNPAID)
        with pytest.raises(NotEntitled):
            reserve(driver, site.team_id)


class TestReserve:
    def test_a_taken_name_is_refused_with_free_ones(self, driver: Driver) -> None:
        site = driver.active_site(plan_code="business")
        with pytest.raises(SiteNameTaken) as taken:
            reserve(driver, site.team_id, "acme")
        assert taken.value.context["free"] == ["acme-erp", "acme-2"]

    def test_a_team_that_does_not_exist_is_said_so(self, driver: Driver) -> None:
        with pytest.raises(TeamUnknown):
            reserve(driver, "no-such-team", covered_by="operator")

    @pytest.mark.parametrize("name", ["ab", "Acme", "a--b", "-ab", "1ab", "ab-", "www", "a.b.c", "x" * 41])
    def test_a_name_that_cannot_be_is_refused(self, driver: Driver, name: str) -> None:
        with pytest.raises(SiteNameInvalid):
            reserve(driver, "team", name)


class TestEnd:
    def test_waits_for_the_days_of_the_plan(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            plans.change_plan(uow, "starter", {"retention_days": 14})
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED
        driver.clock.advance(days=13)
        driver.call("subscription.sweep")
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED
        driver.clock.advance(days=1)
        driver.call("subscription.sweep")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ARCHIVED

    def test_taken_back_in_time_archives_nothing(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        driver.observe("run")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE
        assert "archive_site" not in {job.operation for job in driver.list_jobs()}

    def test_whose_promise_was_lost_is_swept_up(self, driver: Driver) -> None:
        driver.active_site()
        driver.observe("end", reason=TERMINATED)
        with driver.work.begin(actor="test") as uow:
            for row in driver.list_tasks(TaskStatus.WAITING):
                uow.session.delete(row)
        driver.call("subscription.sweep")
        driver.finish_all()
        driver.call("site.reconcile")
        driver.finish_all()
        assert driver.site().status is SiteStatus.ARCHIVED


class TestGuard:
    def burst(self, driver: Driver, ends: int) -> None:
        for number in range(ends):
            driver.observe("run", f"customer{number:02d}")
        driver.finish_all()
        for number in range(ends):
            driver.observe("end", f"customer{number:02d}", reason=TERMINATED)
        driver.finish_all()

    def test_an_end_that_a_clock_ahead_noted_is_carried_out_when_the_clock_is_right(
        self, driver: Driver
    ) -> None:
        site = driver.active_site()
        driver.clock.advance(hours=1)
        driver.observe("end", reason=TERMINATED)
        driver.clock.advance(hours=-1)
        driver.call("subscription.sweep")
        driver.finish_all()
        assert driver.site(site.id).status is SiteStatus.ARCHIVED

    def test_ten_endings_pass(self, driver: Driver) -> None:
        self.burst(driver, 10)
        assert {site.status for site in driver.list_sites()} == {SiteStatus.ARCHIVED}
        with driver.work.read() as session:
            assert billing.find_guard(session) is None

    def test_more_stop_until_an_operator_says_they_are_meant(self, driver: Driver) -> None:
        self.burst(driver, 11)
        assert {site.status for site in driver.list_sites()} == {SiteStatus.SUSPENDED}
        with driver.work.read() as session:
            guard = billing.find_guard(session)
        assert guard is not None
        assert guard.count == 11
        driver.clock.advance(days=2)
        driver.call("subscription.sweep")
        driver.finish_all()
        assert {site.status for site in driver.list_sites()} == {SiteStatus.SUSPENDED}
        with driver.work.begin(actor="operator") as uow:
            assert billing.release_guard(uow) == 11
        driver.finish_all()
        assert {site.status for site in driver.list_sites()} == {SiteStatus.ARCHIVED}

    def test_who_comes_back_in_the_meantime_is_not_archived(self, driver: Driver) -> None:
        self.burst(driver, 11)
        driver.observe("run", "customer03")
        with driver.work.begin(actor="operator") as uow:
            assert billing.release_guard(uow) == 10
        driver.finish_all()
        statuses = {site.name: site.status for site in driver.list_sites()}
        assert statuses.pop("customer03") is SiteStatus.ACTIVE
        assert set(statuses.values()) == {SiteStatus.ARCHIVED}

    def test_an_untripped_one_cannot_be_released(self, driver: Driver) -> None:
        with pytest.raises(GuardNotTripped), driver.work.begin(actor="operator") as uow:
            billing.release_guard(uow)


class TestRules:
    def test_room_counts_sites_and_apps(self) -> None:
        one = Entitlements(sites=1, users=5, storage_gb=5, apps=("base",))
        assert rules.has_room(one, 0, ("base",))
        assert not rules.has_room(one, 1, ("base",))
        assert not rules.has_room(one, 0, ("base", "crm"))
        free = Entitlements(sites=None, users=None, storage_gb=None, apps=None)
        assert rules.has_room(free, 10_000, ("base", "crm", "hr"))

    def test_a_burst_is_more_than_the_limit(self) -> None:
        assert [rules.is_burst(ended, 10) for ended in (9, 10, 11)] == [False, False, True]

    def test_a_hold_without_a_message_says_something(self) -> None:
        assert rules.hold_message(None) == rules.hold_message({}) != ""
        assert rules.hold_message({"message": "Unpaid."}) == "Unpaid."
