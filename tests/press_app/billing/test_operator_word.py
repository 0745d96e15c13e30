"""An operator brings back the site of an ended subscription, on his word."""

import pytest

from press_app.billing.errors import NotEntitled
from press_app.sites import service as sites
from press_app.sites.errors import SiteNotReady
from press_app.sites.lifecycle import HoldKind, SiteStatus
from tests.press_app.driver import Driver


def end(driver: Driver) -> str:
    site = driver.active_site()
    driver.observe("end")
    driver.finish_all()
    assert driver.site(site.id).status is SiteStatus.ARCHIVED
    return site.id


def undo(driver: Driver, site_id: str, *, by_operator: bool) -> None:
    with driver.work.begin(actor="somebody") as uow:
        sites.request_undo(uow, sites.get_site(uow.session, site_id), by_operator=by_operator)


def test_brings_the_site_back_though_nothing_is_subscribed(driver: Driver) -> None:
    site_id = end(driver)
    undo(driver, site_id, by_operator=True)
    driver.finish_all()
    assert driver.site(site_id).status is SiteStatus.ACTIVE


def test_an_owner_cannot_do_that(driver: Driver) -> None:
    site_id = end(driver)
    with pytest.raises(NotEntitled):
        undo(driver, site_id, by_operator=False)
    driver.finish_all()
    assert driver.site(site_id).status is SiteStatus.ARCHIVED


def test_the_same_ending_seen_again_does_not_take_the_word_back(driver: Driver) -> None:
    site_id = end(driver)
    undo(driver, site_id, by_operator=True)
    driver.finish_all()
    driver.observe("end")
    driver.finish_all()
    assert driver.site(site_id).status is SiteStatus.ACTIVE


def test_a_new_subscription_ends_the_word(driver: Driver) -> None:
    site_id = end(driver)
    undo(driver, site_id, by_operator=True)
    driver.finish_all()
    driver.observe("run")
    driver.observe("hold")
    driver.finish_all()
    assert driver.site(site_id).status is SiteStatus.SUSPENDED
    assert len(driver.list_sites()) == 1


def test_holds_of_others_stand(driver: Driver) -> None:
    site_id = end(driver)
    with driver.work.begin(actor="operator") as uow:
        sites.place_hold(uow, sites.get_site(uow.session, site_id), HoldKind.SECURITY, "It was abused.")
    with pytest.raises(SiteNotReady):
        undo(driver, site_id, by_operator=True)
