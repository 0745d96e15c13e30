"""One reading of Lago counts once, however often and with whatever it comes again."""

from datetime import timedelta

from press_app.sites.lifecycle import SiteStatus
from tests.factories.subscriptions import TERMINATED, UNPAID
from tests.press_app.driver import Driver


class TestSameMoment:
    def test_again_changes_nothing(self, driver: Driver) -> None:
        moment = driver.clock.now()
        assert driver.observe(observed_at=moment).applied
        assert not driver.observe(observed_at=moment).applied

    def test_with_another_word_changes_nothing_either(self, driver: Driver) -> None:
        moment = driver.clock.now()
        driver.active_site(observed_at=moment)
        for word, reason in (("hold", UNPAID), ("end", TERMINATED)):
            assert not driver.observe(word, observed_at=moment, reason=reason).applied
        driver.finish_all()
        assert driver.site().status is SiteStatus.ACTIVE

    def test_a_moment_later_it_counts(self, driver: Driver) -> None:
        moment = driver.clock.now()
        driver.active_site(observed_at=moment)
        later = moment + timedelta(microseconds=1)
        assert driver.observe("hold", observed_at=later, reason=UNPAID).applied
        driver.finish_all()
        assert driver.site().status is SiteStatus.SUSPENDED
