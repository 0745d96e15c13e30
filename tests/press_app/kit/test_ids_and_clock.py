"""Ids and the clock."""

import re
import time
import uuid
from datetime import UTC, datetime

from press_app.kit.clock import FixedClock, SystemClock
from press_app.kit.ids import new_id


class TestNewId:
    def test_is_a_lower_case_uuid_of_version_7(self) -> None:
        text = new_id()
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
        made = (uuid.UUID(text).int >> 80) / 1000
        assert abs(made - time.time()) < 5

    def test_is_never_the_same_and_grows_with_time(self) -> None:
        assert len({new_id() for _ in range(10_000)}) == 10_000
        first = new_id()
        deadline = time.time_ns() // 1_000_000 + 1
        while time.time_ns() // 1_000_000 <= deadline:
            pass
        assert first < new_id()


class TestClock:
    def test_tells_aware_moments(self) -> None:
        assert SystemClock().now().tzinfo is UTC
        clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
        clock.advance(hours=1, seconds=1)
        assert clock.now() == datetime(2026, 1, 1, 1, 0, 1, tzinfo=UTC)
