"""Spares as hosts and orders see them: made ahead, given once, replaced, let go."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from press_app.benches import service as benches
from press_app.benches.lifecycle import BenchEvent
from press_app.kit.locale import CONTRACTS_OWN
from press_app.sites import service as sites
from press_app.sites.lifecycle import HoldKind, SiteStatus
from press_app.spares import repository
from press_app.spares import service as spares
from press_app.spares.errors import SparesLeft
from press_app.spares.lifecycle import SpareStatus
from press_app.spares.model import Spare
from press_app.spares.rules import Policy
from tests.press_app.driver import Driver

FEW = Policy(least=2, most=4)
HOME = CONTRACTS_OWN.key


@pytest.fixture
def stocked(driver: Driver) -> Driver:
    """A bench with a template for the small plan, and two spares of it."""
    with driver.work.begin(actor="test") as uow:
        bench = benches.get_bench(uow.session, driver.bench_id)
        bench.facts = {"templates": [{"apps": ["base"]}]}
    tend(driver)
    driver.finish_all()
    assert count(driver) == {"ready": 2}
    return driver


def tend(driver: Driver, policy: Policy = FEW) -> None:
    with driver.work.begin(actor="test") as uow:
        spares.tend(uow, policy)


def list_spares(driver: Driver) -> list[Spare]:
    with driver.work.read() as session:
        return list(session.scalars(select(Spare).order_by(Spare.id)))


def count(driver: Driver) -> dict[str, int]:
    states = [spare.status.value for spare in list_spares(driver)]
    return {state: states.count(state) for state in states}


def order(driver: Driver, external_id: str = "acme") -> Any:
    """A subscription runs; the job that its site waits for."""
    driver.observe(external_id=external_id)
    driver.run()
    return driver.orders("create_site")[-1]


class TestGiving:
    def test_an_order_takes_a_spare_with_its_id_and_its_password(self, stocked: Driver) -> None:
        ready = {spare.id for spare in list_spares(stocked)}
        job = order(stocked)
        site = stocked.site()
        assert site.id in ready
        assert job.params["prepared"] is True
        assert job.params["admin"]["password"] is None
        assert count(stocked) == {"given": 1, "ready": 1}
        with stocked.work.begin(actor="test") as uow:
            assert benches.get_bench(uow.session, stocked.bench_id).site_count == 1

    def test_two_orders_take_two(self, stocked: Driver) -> None:
        assert order(stocked, "one").params["site_id"] != order(stocked, "two").params["site_id"]

    def test_without_a_spare_the_site_is_made_from_the_template(self, stocked: Driver) -> None:
        for name in ("one", "two"):
            order(stocked, name)
        job = order(stocked, "three")
        assert "prepared" not in job.params
        assert job.params["admin"]["password"] == spares.password_ref(job.params["site_id"])

    def test_other_apps_are_no_use(self, stocked: Driver) -> None:
        stocked.observe(plan_code="business")
        stocked.run()
        assert "prepared" not in stocked.orders("create_site")[0].params
        assert count(stocked) == {"ready": 2}

    def test_a_bench_that_takes_no_sites_gives_none(self, stocked: Driver) -> None:
        with stocked.work.begin(actor="test") as uow:
            benches.move(uow, benches.get_bench(uow.session, stocked.bench_id), BenchEvent.DRAIN)
        stocked.observe()
        stocked.run()
        assert stocked.orders("create_site") == []
        assert count(stocked) == {"ready": 2}

    def test_a_full_bench_gives_none(self, stocked: Driver) -> None:
        with stocked.work.begin(actor="test") as uow:
            benches.get_bench(uow.session, stocked.bench_id).max_sites = 1
        order(stocked, "one")
        stocked.observe(external_id="two")
        stocked.run()
        assert len(stocked.orders("create_site")) == 1

    def test_what_the_host_does_not_have_is_made_at_once(self, stocked: Driver) -> None:
        job = order(stocked)
        event = stocked.agents.fail(
            stocked.server_id, job.job_id, "The prepared site is not there.", code="spare_missing"
        )
        stocked.push(event)
        stocked.run()
        (again,) = stocked.orders("create_site")
        assert again.params["site_id"] == job.params["site_id"]
        assert "prepared" not in again.params
        assert stocked.site().failures == 0
        stocked.finish_all()
        assert stocked.site().status is SiteStatus.ACTIVE

    def test_after_a_failure_the_site_is_made_anew(self, stocked: Driver) -> None:
        order(stocked)
        stocked.refuse("create_site")
        stocked.pass_time(seconds=6)
        (again,) = stocked.orders("create_site")
        assert "prepared" not in again.params

    @pytest.mark.parametrize("database", [pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True)
    def test_orders_at_once_do_not_get_in_each_others_way(self, stocked: Driver) -> None:
        """SQLite lets one transaction write at a time anyway."""
        with stocked.work.begin(actor="one") as first, stocked.work.begin(actor="two") as second:
            one = spares.claim(first, ["base"])
            two = next(repository.take_ready(second.session, "base", HOME), None)
            assert one is not None
            assert two is not None
            assert one.id != two.id

    def test_one_on_a_full_bench_is_not_looked_at(self, stocked: Driver) -> None:
        with stocked.work.begin(actor="test") as uow:
            benches.get_bench(uow.session, stocked.bench_id).max_sites = 0
        with stocked.work.begin(actor="test") as uow:
            assert list(repository.take_ready(uow.session, "base", HOME)) == []
        tend(stocked)
        assert count(stocked) == {"leaving": 2}

    def test_an_order_that_is_called_off_leaves_nothing(self, stocked: Driver) -> None:
        stocked.observe()
        with stocked.work.begin(actor="test") as uow:
            row = sites.get_site(uow.session, stocked.site().id)
            sites.place_hold(uow, row, HoldKind.OPERATOR, "Looked at first.")
        stocked.run()
        assert stocked.site().status is SiteStatus.RESERVED
        stocked.observe("end")
        stocked.run()
        assert stocked.site().status is SiteStatus.PURGED
        (drop,) = stocked.orders("drop_site")
        assert drop.params["site_id"] == stocked.site().id
        stocked.refuse("drop_site", "The disk does not answer.")
        stocked.clock.advance(seconds=spares.TRIED_AGAIN_AFTER.total_seconds() + 1)
        tend(stocked)
        stocked.finish_all()
        assert count(stocked)["gone"] == 1
        with stocked.work.begin(actor="test") as uow:
            assert benches.get_bench(uow.session, stocked.bench_id).site_count == 0


class TestTending:
    def test_what_was_taken_is_replaced_and_more_are_kept_while_more_are_taken(self, stocked: Driver) -> None:
        for name in ("one", "two"):
            order(stocked, name)
        stocked.finish_all()
        tend(stocked)
        stocked.finish_all()
        order(stocked, "three")
        stocked.finish_all()
        for _ in range(2):
            tend(stocked)
            stocked.finish_all()
        assert count(stocked) == {"given": 3, "ready": 3}

    def test_nothing_is_prepared_while_a_customer_waits(self, stocked: Driver) -> None:
        order(stocked)
        tend(stocked)
        assert count(stocked) == {"given": 1, "ready": 1}
        stocked.answer("create_site")
        tend(stocked)
        assert count(stocked) == {"given": 1, "ready": 1, "preparing": 1}

    def test_two_are_prepared_at_a_time(self, stocked: Driver) -> None:
        tend(stocked, Policy(least=9, most=9))
        assert count(stocked) == {"ready": 2, "preparing": 2}

    def test_with_the_demand_goes_the_stock(self, stocked: Driver) -> None:
        tend(stocked, Policy(least=1, most=1))
        stocked.finish_all()
        assert count(stocked) == {"ready": 1, "gone": 1}
        stocked.clock.advance(hours=2)
        tend(stocked, Policy(least=1, most=1))
        assert count(stocked) == {"ready": 1}

    def test_those_of_an_older_deployment_go(self, stocked: Driver) -> None:
        stocked.clock.advance(minutes=1)
        with stocked.work.begin(actor="test") as uow:
            bench = benches.get_bench(uow.session, stocked.bench_id)
            bench.apply(BenchEvent.DEPLOY, uow.now())
            bench.apply(BenchEvent.DEPLOYED, uow.now())
        tend(stocked)
        assert count(stocked) == {"leaving": 2, "preparing": 2}
        stocked.finish_all()
        assert count(stocked) == {"gone": 2, "ready": 2}

    def test_one_that_cannot_be_made_is_told_and_tried_again_later(self, stocked: Driver) -> None:
        order(stocked)
        stocked.answer("create_site")
        tend(stocked)
        stocked.run()
        stocked.refuse("prepare_site")
        assert count(stocked) == {"given": 1, "ready": 1, "broken": 1}
        tend(stocked)
        assert count(stocked) == {"given": 1, "ready": 1, "broken": 1}
        stocked.clock.advance(seconds=spares.TRIED_AGAIN_AFTER.total_seconds() + 1)
        tend(stocked)
        stocked.finish_all()
        assert count(stocked) == {"given": 1, "ready": 2, "gone": 1}

    def test_one_whose_job_was_lost_does_not_stay_for_ever(self, stocked: Driver) -> None:
        tend(stocked, Policy(least=3, most=3))
        stocked.clock.advance(hours=1)
        tend(stocked, Policy(least=3, most=3))
        assert count(stocked)["broken"] == 1


class TestRetiring:
    def test_a_bench_goes_when_its_spares_are_gone(self, stocked: Driver) -> None:
        with stocked.work.begin(actor="test") as uow:
            benches.move(uow, benches.get_bench(uow.session, stocked.bench_id), BenchEvent.DRAIN)
        with pytest.raises(SparesLeft), stocked.work.begin(actor="test") as uow:
            benches.request_retire(uow, benches.get_bench(uow.session, stocked.bench_id))
        tend(stocked)
        stocked.finish_all()
        assert count(stocked) == {"gone": 2}
        with stocked.work.begin(actor="test") as uow:
            benches.request_retire(uow, benches.get_bench(uow.session, stocked.bench_id))
        stocked.finish_all()

    def test_a_given_one_is_a_site_and_no_spare(self, stocked: Driver) -> None:
        order(stocked)
        stocked.finish_all()
        with stocked.work.read() as session:
            standing = spares.list_standing(session, [stocked.bench_id])
        assert stocked.site().id not in standing
        assert {spare.id for spare in list_spares(stocked) if spare.status is SpareStatus.READY} == set(
            standing
        )


def test_the_schedule_keeps_the_stock(driver: Driver) -> None:
    with driver.work.begin(actor="test") as uow:
        benches.get_bench(uow.session, driver.bench_id).facts = {"templates": [{"apps": ["base"]}]}
    driver.pass_time(minutes=0)
    driver.pass_time(seconds=timedelta(minutes=1).total_seconds())
    driver.finish_all()
    assert count(driver) == {"ready": driver.runtime.settings.spares_min}
