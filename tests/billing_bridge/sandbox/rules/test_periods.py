"""Billing periods and shares."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_bridge.sandbox.rules.periods import Period, add_months, period_on, share

DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
INTERVALS = st.sampled_from(["weekly", "monthly", "quarterly", "semiannual", "yearly"])
BILLING = st.sampled_from(["calendar", "anniversary"])


class TestPeriodOn:
    @pytest.mark.parametrize(
        ("interval", "billing_time", "first", "last"),
        [
            ("weekly", "calendar", date(2026, 3, 9), date(2026, 3, 15)),
            ("monthly", "calendar", date(2026, 3, 1), date(2026, 3, 31)),
            ("quarterly", "calendar", date(2026, 1, 1), date(2026, 3, 31)),
            ("semiannual", "calendar", date(2026, 1, 1), date(2026, 6, 30)),
            ("yearly", "calendar", date(2026, 1, 1), date(2026, 12, 31)),
            ("weekly", "anniversary", date(2026, 3, 7), date(2026, 3, 13)),
            ("monthly", "anniversary", date(2026, 2, 28), date(2026, 3, 30)),
            ("yearly", "anniversary", date(2026, 1, 31), date(2027, 1, 30)),
        ],
    )
    def test_the_tenth_of_march(self, interval: str, billing_time: str, first: date, last: date) -> None:
        anchor = date(2026, 1, 31)
        found = period_on(date(2026, 3, 10), interval=interval, billing_time=billing_time, anchor=anchor)
        assert found == Period(first, last)

    @given(day=DAYS, anchor=DAYS, interval=INTERVALS, billing_time=BILLING)
    def test_periods_hold_the_day_and_follow_each_other(
        self, day: date, anchor: date, interval: str, billing_time: str
    ) -> None:
        found = period_on(day, interval=interval, billing_time=billing_time, anchor=anchor)
        assert found.first <= day <= found.last
        after = found.last + timedelta(days=1)
        following = period_on(after, interval=interval, billing_time=billing_time, anchor=anchor)
        assert following.first == after


class TestAddMonths:
    def test_it_stays_in_the_month(self) -> None:
        assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
        assert add_months(date(2026, 1, 31), -11) == date(2025, 2, 28)


class TestShare:
    def test_whole_is_whole_and_halves_round_up(self) -> None:
        month = Period(date(2026, 3, 1), date(2026, 3, 31))
        assert share(2900, month, month) == 2900
        assert share(2900, Period(date(2026, 3, 10), date(2026, 3, 31)), month) == 2058
        assert (
            share(1, Period(date(2026, 3, 1), date(2026, 3, 1)), Period(date(2026, 3, 1), date(2026, 3, 2)))
            == 1
        )
