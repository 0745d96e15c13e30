"""Counting attempts with a real Redis, and without."""

import pytest

from press_app.kit.throttle import Throttle
from tests.factories.processes import free_port

LIMIT = "3/minute"


def check_counts(throttle: Throttle) -> None:
    assert throttle.wait_seconds(LIMIT, "a") == 0
    assert [throttle.hit(LIMIT, "a") for _ in range(4)] == [True, True, True, False]
    assert 0 < throttle.wait_seconds(LIMIT, "a") <= 61
    assert throttle.wait_seconds(LIMIT, "b") == 0
    assert throttle.hit(LIMIT, "b")


class TestThrottle:
    def test_counts_in_memory(self) -> None:
        check_counts(Throttle())

    @pytest.mark.redis
    def test_counts_for_all_processes_together(self, redis_url: str) -> None:
        check_counts(Throttle(redis_url))
        assert not Throttle(redis_url).hit(LIMIT, "a")

    def test_goes_on_counting_while_redis_is_away(self) -> None:
        check_counts(Throttle(f"redis://127.0.0.1:{free_port()}/0"))
