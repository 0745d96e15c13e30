"""From a subscription to a site that answers, and all the way back."""

import pytest

from press_app.edge.port import RouteState
from press_app.sites.lifecycle import SiteStatus, Wanted
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
