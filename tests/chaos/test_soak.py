"""A short soak: the long one is run by hand, this one proves that it works and that nothing falls at once."""

import pytest

from tests.chaos.flatness import WARM_UP_SECONDS
from tests.chaos.soak import Soak
from tests.e2e.platform import Platform
from tests.factories.processes import wait_until

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

SECONDS = 60.0
SEED = 4


def youngest(platform: Platform) -> float:
    return min(program.seconds for program in platform.supervisor.list_programs())


def test_a_minute_of_customers_and_kills_ends_true(platform: Platform) -> None:
    # What a program uses while it still loads is no trend, so nothing could be said of a platform that is younger.
    wait_until(
        lambda: youngest(platform) > WARM_UP_SECONDS, seconds=2 * WARM_UP_SECONDS, what="grown programs"
    )
    report = Soak(platform, seed=SEED, customers=5).run(SECONDS, warm_up=SECONDS / 4)
    assert report.problems == [], "\n".join(report.timeline)
    assert sum(report.kills.values()) >= 3
    assert sum(report.acts.values()) >= 3
    assert {trend.program for trend in report.trends} >= {"press-api", "agent-api", "bridge-api"}
