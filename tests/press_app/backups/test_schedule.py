"""The round: every site in its turn, some at a time, none that is worked on, and what was missed once."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from press_app.access.rules import TEAM_SCOPES
from press_app.agents.fake import FakeAgents
from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.bootstrap import Runtime, bootstrap
from press_app.config import Settings
from press_app.edge.fake import FakeEdge
from press_app.invariants import service as invariants
from press_app.invariants.base import World
from press_app.jobs.model import Job
from press_app.kit.clock import FixedClock
from press_app.kit.db import Database
from press_app.sites import service as sites
from press_app.work import journal
from press_app.work.bell import FakeBell
from tests.factories.access import bearer, make_token
from tests.factories.servers import make_bench, make_server
from tests.factories.subscriptions import UNPAID
from tests.press_app.driver import Driver


@pytest.fixture
def driver(
    settings: Settings,
    database: Database,
    agents: FakeAgents,
    edge: FakeEdge,
    bell: FakeBell,
    clock: FixedClock,
) -> Driver:
    """A control plane that backs its sites up by itself, two of a host at a time."""
    changed = settings.model_copy(update={"backup_interval_minutes": 60, "backup_jobs_per_server": 2})
    runtime = bootstrap(changed, database=database, agents=agents, edge=edge, bell=bell, clock=clock)
    return Driver(runtime, clock, agents, edge).furnish()


def pass_minutes(driver: Driver, minutes: int, *, is_answering: bool = True) -> None:
    """Minute by minute, with agents that do their work, or do not."""
    for _ in range(minutes):
        driver.pass_time(minutes=1)
        if is_answering:
            driver.finish_all()


def list_backups(driver: Driver, site_id: str) -> list[Backup]:
    with driver.work.read() as session:
        found = session.scalars(select(Backup).where(Backup.site_id == site_id).order_by(Backup.id))
        return list(found)


def list_lines(driver: Driver, site_id: str) -> list[str]:
    """What the timeline says about backups."""
    with driver.work.read() as session:
        lines = journal.list_timeline(session, f"site:{site_id}")
        said = [line.kind for line in lines if "back" in line.message.lower()]
        return [kind for kind in said if not kind.startswith("invariant")]


def find_old(driver: Driver) -> list[str]:
    world = World(driver.work, driver.agents, driver.edge, driver.runtime.settings)
    return [
        violation.subject
        for invariant, violation in invariants.check_all(world)
        if invariant.name == "old-backups"
    ]


class TestTurns:
    def test_come_every_hour_and_the_site_says_so(self, driver: Driver) -> None:
        site = driver.active_site()
        pass_minutes(driver, 60)
        (first,) = list_backups(driver, site.id)
        assert (first.kind, first.status, first.server_id) == (
            "scheduled",
            BackupStatus.VERIFIED,
            driver.server_id,
        )
        pass_minutes(driver, 120)
        assert len(list_backups(driver, site.id)) == 3
        row = driver.site(site.id)
        newest = list_backups(driver, site.id)[-1]
        assert (row.backed_up_at, row.backup_verified_at) == (newest.taken_at, newest.verified_at)
        assert find_old(driver) == []

    def test_tell_nobody_when_they_go_well(self, driver: Driver) -> None:
        site = driver.active_site()
        pass_minutes(driver, 65)
        assert list_lines(driver, site.id) == []
        with driver.work.read() as session:
            jobs = session.scalars(select(Job).where(Job.operation == "take_backup")).all()
        assert {job.is_routine for job in jobs} == {True}

    def test_of_many_are_some_of_a_host_at_a_time_and_the_oldest_first(self, driver: Driver) -> None:
        made = [driver.active_site(f"site{number}").id for number in range(5)]
        driver.pass_time(hours=3)
        taken: list[str] = []
        while orders := driver.orders("take_backup"):
            assert len(orders) == 2 or len(taken) == 4
            taken += [order.params["site_id"] for order in orders]
            driver.finish_all()
            driver.pass_time(seconds=11)
        assert sorted(taken) == sorted(made)

    def test_a_silent_host_keeps_nothing_from_the_others(self, driver: Driver) -> None:
        lost = [driver.active_site(f"lost{number}").id for number in range(3)]
        driver.pass_time(hours=2)
        assert len(driver.orders("take_backup")) == 2
        with driver.work.begin(actor="test") as uow:
            bench = make_bench(uow, make_server(uow, name="other"), max_sites=100)
            other = sites.get_site(uow.session, lost[2])
            other.bench_id = bench.id
        driver.pass_time(seconds=11)
        assert [order.params["site_id"] for order in driver.orders("take_backup")][2:] == [lost[2]]

    def test_what_was_missed_is_caught_up_once(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.pass_time(hours=9)
        driver.finish_all()
        pass_minutes(driver, 30)
        assert len(list_backups(driver, site.id)) == 1

    def test_wait_while_the_site_is_worked_on(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            sites.request_backup(uow, sites.get_site(uow.session, site.id))
        driver.run()
        driver.pass_time(minutes=61)
        assert len(driver.orders("take_backup")) == 1
        driver.finish_all()
        driver.pass_time(seconds=11)
        assert len(driver.orders("take_backup")) == 1
        driver.finish_all()
        assert [backup.kind for backup in list_backups(driver, site.id)] == ["manual", "scheduled"]

    def test_none_are_taken_when_the_interval_is_zero(
        self, runtime: Runtime, agents: FakeAgents, edge: FakeEdge, clock: FixedClock
    ) -> None:
        driver = Driver(runtime, clock, agents, edge).furnish()
        driver.active_site()
        driver.pass_time(hours=3)
        assert driver.orders("take_backup") == []
        assert find_old(driver) == []


class TestClosedSites:
    def test_are_backed_up_once_and_then_daily(self, driver: Driver) -> None:
        site = driver.active_site()
        pass_minutes(driver, 61)
        driver.observe("hold", reason=UNPAID)
        driver.finish_all()
        count = len(list_backups(driver, site.id))
        for _ in range(4):
            driver.pass_time(hours=1)
            driver.finish_all()
        assert len(list_backups(driver, site.id)) == count + 1
        for _ in range(24):
            driver.pass_time(hours=1)
            driver.finish_all()
        assert len(list_backups(driver, site.id)) == count + 2

    def test_archived_ones_are_left_alone(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("end")
        driver.finish_all()
        driver.pass_time(hours=3)
        assert driver.orders("take_backup") == []
        assert [backup.kind for backup in list_backups(driver, site.id)] == ["archive"]
        assert driver.site(site.id).backed_up_at is not None


class TestFailures:
    def test_are_told_and_tried_again_soon(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.pass_time(hours=1)
        driver.refuse("take_backup", "The backup store does not answer.")
        assert list_lines(driver, site.id) == ["backup.failed"]
        driver.pass_time(minutes=9)
        assert driver.orders("take_backup") == []
        driver.pass_time(minutes=2)
        assert len(driver.orders("take_backup")) == 1

    def test_that_last_are_found_by_the_invariant(self, driver: Driver) -> None:
        site = driver.active_site()
        for _ in range(13):
            driver.pass_time(minutes=10)
            if driver.orders("take_backup"):
                driver.refuse("take_backup", "The backup store does not answer.")
        assert find_old(driver) == [f"site:{site.id}"]
        driver.pass_time(minutes=11)
        driver.finish_all()
        assert find_old(driver) == []

    def test_a_plan_of_a_clock_that_was_ahead_is_forgiven(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="test") as uow:
            row = sites.get_site(uow.session, site.id)
            row.backup_due_at = driver.clock.now().replace(year=2030)
        driver.pass_time(seconds=11)
        assert len(driver.orders("take_backup")) == 1


def test_doors(client: TestClient, driver: Driver) -> None:
    site = driver.active_site()
    with driver.work.begin(actor="test") as uow:
        headers = bearer(make_token(uow, TEAM_SCOPES, team_id=site.team_id))
    answer = client.get("/v1/backup-policy", headers=headers)
    assert (answer.status_code, answer.json()["jobs_per_server"]) == (200, 4)
    pass_minutes(driver, 61)
    view = client.get(f"/v1/sites/{site.id}", headers=headers).json()
    assert view["backed_up_at"] <= view["backup_verified_at"] < view["backup_due_at"]
