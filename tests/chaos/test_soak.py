"""A short soak: the long one is run by hand, this one proves that it works and that nothing falls at once."""

import pytest

from tests.chaos.soak import Soak
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

SECONDS = 60.0
SEED = 4


def test_a_minute_of_customers_and_kills_ends_true(platform: Platform) -> None:
    report = Soak(platform, seed=SEED, customers=5).run(SECONDS, warm_up=SECONDS / 4)
    assert report.problems == [], "\n".join(report.timeline)
    assert sum(report.kills.values()) >= 3
    assert sum(report.acts.values()) >= 3
    assert {trend.program for trend in report.trends} >= {"press-api", "agent-api", "bridge-api"}
