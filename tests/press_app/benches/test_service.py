"""Benches: deploying, failing, draining, retiring, and giving places."""

import pytest

from press_app.agents.port import AgentUnreachable
from press_app.benches import rules
from press_app.benches import service as benches
from press_app.benches.errors import BenchNotEmpty, BenchUnknown, NoBench
from press_app.benches.lifecycle import BenchEvent, BenchStatus
from press_app.benches.model import Bench
from press_app.benches.rules import Place
from press_app.kit.lifecycle import IllegalMove
from press_app.releases.errors import ReleaseUnknown
from press_app.servers import service as servers
from press_app.sites.lifecycle import SiteStatus
from press_app.work.lease import SubjectBusy
from tests.factories.servers import make_bench, make_release, make_server
from tests.press_app.driver import Driver


def get(driver: Driver, bench_id: str | None = None) -> Bench:
    with driver.work.read() as session:
        return benches.get_bench(session, bench_id or driver.bench_id)


def add(driver: Driver) -> str:
    with driver.work.begin(actor="operator") as uow:
        return benches.add_bench(uow, release_id=make_release(uow).id).id


class TestDeploy:
    def test_orders_what_the_release_says_and_runs_when_it_answers(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            empty = make_server(uow).id
        bench_id = add(driver)
        assert (get(driver, bench_id).status, get(driver, bench_id).server_id) == (
            BenchStatus.DEPLOYING,
            empty,
        )
        driver.run()
        (order,) = driver.orders()
        assert order.params == {
            "bench_id": bench_id,
            "engine": "tryton",
            "release": {"name": "tryton-8", "version": "8.0"},
            "app_sets": [["base"], ["base", "crm", "hr"]],
            "memory_bytes": benches.DEFAULT_MEMORY_BYTES,
        }
        driver.answer(url="http://127.0.0.1:7777")
        bench = get(driver, bench_id)
        assert (bench.status, bench.url) == (BenchStatus.RUNNING, "http://127.0.0.1:7777")
        assert bench.facts is not None
        assert bench.facts["engine_version"] == "8.0.1"

    def test_an_unknown_release_is_refused(self, driver: Driver) -> None:
        with pytest.raises(ReleaseUnknown), driver.work.begin(actor="operator") as uow:
            benches.add_bench(uow, release_id="none")

    def test_that_failed_can_be_tried_again(self, driver: Driver) -> None:
        bench_id = add(driver)
        driver.run()
        driver.refuse("deploy_bench", "No space left.")
        bench = get(driver, bench_id)
        assert bench.status is BenchStatus.BROKEN
        assert bench.error is not None
        assert bench.error["message"] == "No space left."
        with driver.work.begin(actor="operator") as uow:
            benches.request_deploy(uow, benches.get_bench(uow.session, bench_id))
        driver.finish_all()
        bench = get(driver, bench_id)
        assert (bench.status, bench.error) == (BenchStatus.RUNNING, None)

    def test_again_keeps_its_sites_reachable_and_takes_no_new_ones(self, driver: Driver) -> None:
        driver.active_site()
        with driver.work.begin(actor="operator") as uow:
            benches.request_deploy(uow, benches.get_bench(uow.session, driver.bench_id))
        with pytest.raises(IllegalMove), driver.work.begin(actor="operator") as uow:
            benches.request_deploy(uow, benches.get_bench(uow.session, driver.bench_id))
        driver.observe("run", "late")
        driver.run()
        assert driver.edge.probe("acme.localhost") == 200
        assert {site.name: site.status for site in driver.list_sites()}["late"] is SiteStatus.RESERVED
        driver.finish_all()
        driver.call("site.reconcile")
        driver.finish_all()
        assert {site.status for site in driver.list_sites()} == {SiteStatus.ACTIVE}

    def test_that_nobody_answers_for_breaks_when_its_time_is_over(self, driver: Driver) -> None:
        driver.agents.failures.extend(AgentUnreachable("away") for _ in range(1000))
        bench_id = add(driver)
        driver.run()
        driver.clock.advance(minutes=31)
        driver.call("bench.overdue")
        assert get(driver, bench_id).status is BenchStatus.DEPLOYING, "its job may still end"
        driver.clock.advance(minutes=10)
        driver.call("bench.overdue")
        bench = get(driver, bench_id)
        assert bench.status is BenchStatus.BROKEN
        assert bench.error is not None
        assert bench.error["code"] == "deadline_passed"

    def test_two_jobs_never_work_on_one_bench(self, driver: Driver) -> None:
        bench_id = add(driver)
        with driver.work.begin(actor="test") as uow:
            benches.get_bench(uow.session, bench_id).apply(BenchEvent.FAILED, uow.now())
        with pytest.raises(SubjectBusy), driver.work.begin(actor="operator") as uow:
            benches.request_deploy(uow, benches.get_bench(uow.session, bench_id))


class TestRetire:
    def test_waits_until_the_bench_is_empty(self, driver: Driver) -> None:
        site = driver.active_site()
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, driver.bench_id), BenchEvent.DRAIN)
        with pytest.raises(BenchNotEmpty), driver.work.begin(actor="operator") as uow:
            benches.request_retire(uow, benches.get_bench(uow.session, driver.bench_id))
        assert driver.edge.probe("acme.localhost") == 200, "a draining bench serves"
        driver.observe("end")
        driver.finish_all()
        assert driver.site(site.id).status is SiteStatus.ARCHIVED
        with driver.work.begin(actor="operator") as uow:
            benches.request_retire(uow, benches.get_bench(uow.session, driver.bench_id))
        driver.finish_all()
        assert get(driver).status is BenchStatus.RETIRED

    def test_that_failed_is_broken(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            bench = benches.get_bench(uow.session, driver.bench_id)
            benches.move(uow, bench, BenchEvent.DRAIN)
            benches.request_retire(uow, bench)
        driver.run()
        driver.refuse("retire_bench")
        assert get(driver).status is BenchStatus.BROKEN


class TestPlaces:
    def test_the_fullest_bench_with_room_is_filled_first(self) -> None:
        places = [Place("a", 0, 10), Place("b", 5, 10), Place("c", 10, 10), Place("d", 4, 5)]
        assert rules.choose_bench(places) == "d"
        assert rules.choose_bench([Place("c", 10, 10)]) is None

    def test_draining_and_broken_benches_take_nothing(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            benches.move(uow, benches.get_bench(uow.session, driver.bench_id), BenchEvent.DRAIN)
        with pytest.raises(NoBench), driver.work.begin(actor="test") as uow:
            benches.take_place(uow, ["base"])

    def test_a_site_comes_back_to_a_draining_bench_but_not_to_a_retired_one(self, driver: Driver) -> None:
        with driver.work.begin(actor="operator") as uow:
            bench = benches.get_bench(uow.session, driver.bench_id)
            benches.move(uow, bench, BenchEvent.DRAIN)
            uow.session.flush()
            assert benches.take_place_back(uow, bench.id, ["base"]).id == bench.id
            benches.give_place_back(uow, bench.id)
            bench.apply(BenchEvent.RETIRE, uow.now())
            bench.apply(BenchEvent.RETIRED, uow.now())
            uow.session.flush()
        with pytest.raises(NoBench), driver.work.begin(actor="test") as uow:
            benches.take_place_back(uow, driver.bench_id, ["base"])
        with driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, driver.server_id)
            make_bench(uow, server, engine="other")
            alike = make_bench(uow, server).id
            assert benches.take_place_back(uow, driver.bench_id, ["base"]).id == alike

    def test_an_unknown_bench_is_unknown(self, driver: Driver) -> None:
        with pytest.raises(BenchUnknown):
            get(driver, "none")
