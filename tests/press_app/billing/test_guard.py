"""Many endings at once stop and ask, whenever their archives are due."""

from datetime import timedelta

from press_app.billing import service as billing
from press_app.plans import service as plans
from press_app.sites.lifecycle import Wanted
from tests.press_app.driver import Driver

MANY = 12


def end_many(driver: Driver) -> None:
    for number in range(MANY):
        driver.observe("run", external_id=f"acme-{number}")
    driver.finish_all()
    for number in range(MANY):
        driver.observe("end", external_id=f"acme-{number}")


def count_archives_wanted(driver: Driver) -> int:
    return sum(site.wanted is Wanted.ARCHIVED for site in driver.list_sites())


def test_trips_at_the_endings_not_when_the_archives_are_due(driver: Driver) -> None:
    with driver.work.begin(actor="operator") as uow:
        plans.change_plan(uow, "starter", {"retention_days": 1})
    end_many(driver)
    driver.finish_all()
    driver.pass_time(days=1, minutes=1)
    driver.call("subscription.sweep")
    driver.finish_all()
    assert count_archives_wanted(driver) == 0


def test_trips_though_the_workers_were_away_longer_than_the_window(driver: Driver) -> None:
    end_many(driver)
    driver.clock.advance(minutes=61)
    driver.finish_all()
    assert count_archives_wanted(driver) == 0


def test_endings_over_a_long_time_are_no_burst(driver: Driver) -> None:
    for number in range(MANY):
        driver.observe("run", external_id=f"acme-{number}")
        driver.observe("end", external_id=f"acme-{number}")
        driver.clock.advance(minutes=31)
    with driver.work.read() as session:
        assert billing.find_guard(session) is None


def test_what_was_confirmed_does_not_count_again(driver: Driver) -> None:
    end_many(driver)
    with driver.work.begin(actor="operator") as uow:
        assert billing.release_guard(uow) == MANY
    driver.clock.advance(minutes=1)
    driver.observe("run", external_id="acme-late")
    driver.observe("end", external_id="acme-late")
    with driver.work.read() as session:
        assert billing.find_guard(session) is None


def test_a_second_burst_after_a_return_trips_again(driver: Driver) -> None:
    end_many(driver)
    with driver.work.begin(actor="operator") as uow:
        billing.release_guard(uow)
    driver.clock.advance(minutes=61)
    end_many(driver)
    with driver.work.read() as session:
        guard = billing.find_guard(session)
    assert guard is not None
    assert driver.clock.now() - guard.tripped_at < timedelta(minutes=1)
