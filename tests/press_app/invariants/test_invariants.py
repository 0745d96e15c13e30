"""Every promise finds what breaks it, and stays quiet otherwise."""

from typing import Any

import pytest
from sqlalchemy import select, update

from press_app.agents.port import AgentUnreachable
from press_app.benches import service as benches
from press_app.benches.model import Bench
from press_app.billing.model import Coverage
from press_app.edge.port import RouteState
from press_app.invariants import service
from press_app.invariants.base import Violation, World
from press_app.invariants.model import Finding
from press_app.kit.pagination import PageRequest
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.lifecycle import HoldKind, SiteStatus
from press_app.sites.model import Site
from press_app.work.model import TaskRow, TaskStatus
from tests.factories.subscriptions import TERMINATED, UNPAID
from tests.press_app.driver import Driver


def world(driver: Driver) -> World:
    return World(driver.work, driver.agents, driver.edge, driver.runtime.settings)


def broken(driver: Driver) -> dict[str, list[Violation]]:
    found: dict[str, list[Violation]] = {}
    for invariant, violation in service.check_all(world(driver)):
        found.setdefault(invariant.name, []).append(violation)
    return found


def tell_state(driver: Driver, **states: str) -> None:
    """What the host says it holds: site id → state."""
    held = [{"id": site_id, "bench_id": driver.bench_id, "state": state} for site_id, state in states.items()]
    driver.agents.states[driver.server_id] = {"benches": [], "sites": held, "open_jobs": []}


def list_findings(driver: Driver, *, only_open: bool = True) -> list[Finding]:
    with driver.work.read() as session:
        return list(service.list_findings(session, PageRequest(), only_open=only_open).items)


class TestQuiet:
    def test_through_a_whole_life_nothing_is_found(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver, **{site.id: "active"})
        assert broken(driver) == {}
        driver.observe("hold", reason=UNPAID)
        assert broken(driver) == {}, "it is about to be published"
        driver.run()
        assert broken(driver) == {}
        driver.finish_all()
        driver.clock.advance(minutes=5)
        tell_state(driver, **{site.id: "suspended"})
        assert broken(driver) == {}
        driver.observe("end", reason=TERMINATED)
        driver.run()
        driver.clock.advance(minutes=5)
        assert broken(driver) == {}
        driver.finish_all()
        driver.clock.advance(minutes=5)
        tell_state(driver)
        assert broken(driver) == {}
        assert list_findings(driver, only_open=False) == []


class TestStuckStates:
    def test_finds_late_sites_benches_and_jobs(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        site = driver.site()
        driver.clock.advance(minutes=10, seconds=59)
        found = {violation.subject for violation in broken(driver).get("stuck-states", [])}
        assert found == {f"job:{driver.list_jobs()[0].id}"}
        driver.clock.advance(minutes=25)
        with driver.work.begin(actor="test") as uow:
            benches.request_deploy(uow, benches.get_bench(uow.session, driver.bench_id))
        driver.clock.advance(minutes=32)
        found = {violation.subject for violation in broken(driver)["stuck-states"]}
        assert {site.target, f"bench:{driver.bench_id}"} <= found

    def test_finds_late_backups(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="owner") as uow:
            backup_id, _ = sites.request_backup(uow, sites.get_site(uow.session, site.id))
        driver.clock.advance(hours=2, minutes=2)
        assert f"backup:{backup_id}" in {violation.subject for violation in broken(driver)["stuck-states"]}


class TestUncoveredSites:
    def test_finds_an_active_site_that_nothing_pays_for(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver, **{site.id: "active"})
        with driver.work.begin(actor="test") as uow:
            row = uow.session.get(Coverage, site.id)
            uow.session.delete(row)
        assert broken(driver) == {}, "it has two minutes"
        driver.clock.advance(minutes=3)
        (violation,) = broken(driver)["uncovered-sites"]
        assert violation.subject == site.target

    def test_finds_a_site_whose_subscription_ended_but_not_an_operators(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.observe("end", reason=TERMINATED)
        with driver.work.begin(actor="test") as uow:
            sites.lift_hold(uow, sites.get_site(uow.session, site.id), HoldKind.BILLING, why="planted")
        driver.clock.advance(minutes=3)
        assert [violation.subject for violation in broken(driver)["uncovered-sites"]] == [site.target]
        with driver.work.begin(actor="test") as uow:
            row = uow.session.get(Coverage, site.id)
            assert row is not None
            row.subscription_id = None
        assert "uncovered-sites" not in broken(driver)


class TestWantedObserved:
    def test_finds_what_waits_for_a_bench(self, driver: Driver) -> None:
        with driver.work.begin(actor="test") as uow:
            benches.get_bench(uow.session, driver.bench_id).max_sites = 0
        driver.observe()
        driver.run()
        assert broken(driver) == {}
        driver.clock.advance(minutes=2)
        (violation,) = broken(driver)["wanted-observed"]
        assert "No bench has room" in violation.message

    def test_finds_what_waits_for_a_person(self, driver: Driver) -> None:
        driver.observe()
        driver.run()
        driver.refuse("create_site", "The disk is full.", compensated=False)
        driver.clock.advance(minutes=2)
        (violation,) = broken(driver)["wanted-observed"]
        assert "The disk is full." in violation.message

    def test_a_held_order_is_as_it_should_be(self, driver: Driver) -> None:
        driver.observe()
        driver.observe("hold", reason=UNPAID)
        driver.run()
        driver.clock.advance(minutes=5)
        assert broken(driver) == {}


class TestHostDrift:
    @pytest.mark.parametrize(
        ("hold", "held", "operation"), [(False, "suspended", "resume_site"), (True, "active", "suspend_site")]
    )
    def test_puts_open_and_closed_right(self, driver: Driver, hold: bool, held: str, operation: str) -> None:
        site = driver.active_site()
        if hold:
            driver.observe("hold", reason=UNPAID)
            driver.finish_all()
        driver.clock.advance(seconds=30)
        tell_state(driver, **{site.id: held})
        (violation,) = broken(driver)["host-drift"]
        assert "being put right" in violation.message
        assert "host-drift" not in broken(driver), "the repair is under way"
        driver.run()
        (order,) = driver.orders()
        assert order.operation == operation
        driver.finish_all()
        tell_state(driver, **{site.id: "suspended" if hold else "active"})
        assert broken(driver) == {}
        assert driver.site().status is (SiteStatus.SUSPENDED if hold else SiteStatus.ACTIVE)

    def test_reports_missing_and_foreign_sites_and_touches_nothing(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.clock.advance(seconds=30)
        tell_state(driver, **{"0e0e0e0e": "active"})
        found = broken(driver)["host-drift"]
        assert {violation.subject for violation in found} == {site.target, "site:0e0e0e0e"}
        driver.run()
        assert driver.orders() == []

    def test_what_changed_after_the_host_was_asked_is_left_for_the_next_look(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.clock.advance(seconds=30)

        class Slow(type(driver.agents)):  # type: ignore[misc]  # the very fake of this test
            def read_state(self, address: Any) -> dict[str, Any]:
                state = driver.agents.read_state(address)
                driver.clock.advance(seconds=1)
                driver.observe("hold", reason=UNPAID)
                driver.finish_all()
                return state

        tell_state(driver, **{site.id: "active"})
        found = service.check_all(World(driver.work, Slow(), driver.edge, driver.runtime.settings))
        assert [violation for invariant, violation in found if invariant.name == "host-drift"] == []

    def test_a_silent_agent_is_told_and_others_are_compared(self, driver: Driver) -> None:
        driver.agents.failures.append(AgentUnreachable("It is away."))
        (violation,) = broken(driver)["host-drift"]
        assert violation.subject == f"server:{driver.server_id}"
        driver.clock.advance(minutes=5)
        assert broken(driver) == {}
        with driver.work.read() as session:
            feed = servers.find_feed(session, driver.server_id)
        assert not servers.is_quiet(feed, driver.clock.now())


class TestEdgeDrift:
    def test_writes_a_lost_table_again(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver, **{site.id: "active"})
        driver.edge.routes.clear()
        assert [violation.subject for violation in broken(driver)["edge-drift"]] == ["edge:table"]
        assert driver.edge.probe("acme.localhost") == 200
        assert broken(driver) == {}

    def test_finds_a_site_that_answers_otherwise(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver, **{site.id: "active"})
        driver.edge.is_down = True
        (violation,) = broken(driver)["edge-drift"]
        assert violation.subject == site.target
        assert "answers 0, 200 is right" in violation.message

    def test_looks_at_all_sites_in_turn(self, driver: Driver) -> None:
        for number in range(12):
            driver.observe("run", f"customer{number:02d}")
        driver.finish_all()
        driver.edge.is_down = True
        seen: set[str] = set()
        for _ in range(12):
            seen |= {violation.subject for violation in broken(driver)["edge-drift"]}
            driver.clock.advance(seconds=30)
        assert len(seen) == 12

    def test_a_row_that_lies_about_its_route_is_published_as_it_is(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver, **{site.id: "active"})
        with driver.work.begin(actor="test") as uow:
            uow.session.execute(update(Site).values(route=RouteState.NONE))
        assert "edge-drift" in broken(driver)
        assert driver.edge.probe("acme.localhost") == 404


class TestDeadTasks:
    def test_finds_promises_that_were_given_up(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver, **{site.id: "active"})
        with driver.work.begin(actor="test") as uow:
            task_id = uow.enqueue("site.converge", site_id=site.id)
        with driver.work.begin(actor="test") as uow:
            uow.session.execute(
                update(TaskRow).where(TaskRow.id == task_id).values(status=TaskStatus.DEAD, error="no luck")
            )
        (violation,) = broken(driver)["dead-tasks"]
        assert "no luck" in violation.message


class TestFindings:
    def test_are_kept_once_updated_and_resolved(self, driver: Driver) -> None:
        site = driver.active_site()
        tell_state(driver)
        driver.clock.advance(seconds=30)
        broken(driver)
        (first,) = list_findings(driver)
        driver.clock.advance(seconds=30)
        broken(driver)
        (again,) = list_findings(driver)
        assert (again.id, again.first_seen_at) == (first.id, first.first_seen_at)
        assert again.last_seen_at == driver.clock.now()
        tell_state(driver, **{site.id: "active"})
        assert broken(driver) == {}
        assert list_findings(driver) == []
        (kept,) = list_findings(driver, only_open=False)
        assert kept.resolved_at == driver.clock.now()

    def test_the_scheduled_task_checks_them_all(self, driver: Driver) -> None:
        site = driver.active_site()
        driver.clock.advance(seconds=30)
        driver.call("invariants.check")
        assert [finding.subject for finding in list_findings(driver)] == [site.target]

    def test_every_promise_has_a_name_of_its_own(self) -> None:
        names = [invariant.name for invariant in service.INVARIANTS]
        assert len(names) == len(set(names)) >= 6
        assert all(invariant.promise.endswith(".") for invariant in service.INVARIANTS)


class TestCounts:
    def test_no_bench_counts_other_than_its_sites(self, driver: Driver) -> None:
        driver.active_site()
        with driver.work.read() as session:
            (bench,) = session.scalars(select(Bench))
            standing = sites.list_on_bench(session, [bench.id])
        assert bench.site_count == len(standing) == 1
