"""Lago lets another customer reuse an external id: he inherits neither site nor debt."""

from datetime import timedelta

from press_app.billing.model import WantedState
from press_app.sites.lifecycle import SiteStatus
from tests.press_app.driver import Driver


def test_gets_a_site_and_a_team_of_his_own(driver: Driver) -> None:
    old = driver.active_site()
    driver.observe("end")
    driver.finish_all()
    driver.observe("run", customer_ref="somebody-else", customer_email="else@example.org")
    driver.finish_all()
    new = next(site for site in driver.list_sites() if site.id != old.id)
    assert driver.site(old.id).status is SiteStatus.ARCHIVED
    assert new.status is SiteStatus.ACTIVE
    assert new.team_id != old.team_id


def test_ends_the_one_before_whose_ending_was_lost(driver: Driver) -> None:
    old = driver.active_site()
    driver.observe("run", customer_ref="somebody-else", customer_email="else@example.org")
    driver.finish_all()
    assert driver.site(old.id).status is SiteStatus.ARCHIVED
    assert {site.status for site in driver.list_sites() if site.id != old.id} == {SiteStatus.ACTIVE}


def test_is_not_ended_by_a_late_reading_of_the_one_before(driver: Driver) -> None:
    driver.active_site()
    before = driver.clock.now() - timedelta(minutes=5)
    observed = driver.observe("run", customer_ref="somebody-else", customer_email="else@example.org")
    driver.finish_all()
    late = driver.observe("run", observed_at=before)
    assert not late.applied
    assert late.subscription.id == observed.subscription.id


def test_a_reading_of_the_future_does_not_shut_out_the_present(driver: Driver) -> None:
    driver.active_site()
    driver.observe("hold", observed_at=driver.clock.now() + timedelta(hours=1))
    driver.finish_all()
    driver.clock.advance(minutes=1)
    paid = driver.observe("run")
    driver.finish_all()
    assert paid.applied
    assert paid.subscription.wanted is WantedState.RUN
    assert driver.site().status is SiteStatus.ACTIVE
