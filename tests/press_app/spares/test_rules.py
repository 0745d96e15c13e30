"""How many spares are kept, and which are no good any more."""

from datetime import UTC, datetime, timedelta

import pytest

from press_app.spares.rules import LONGEST_LIFE, Policy, Stock, count_missing, count_wanted, is_stale

POLICY = Policy(least=2, most=10)
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def make_stock(**counts: int) -> Stock:
    return Stock(**({"ready": 0, "preparing": 0, "failed": 0, "given": 0} | counts))


@pytest.mark.parametrize(("given", "wanted"), [(0, 2), (2, 2), (3, 3), (10, 10), (500, 10)])
def test_follows_the_demand_between_the_bounds(given: int, wanted: int) -> None:
    assert count_wanted(make_stock(given=given), POLICY) == wanted


@pytest.mark.parametrize(
    ("counts", "missing"),
    [
        ({}, 2),
        ({"ready": 1}, 1),
        ({"ready": 1, "preparing": 1}, 0),
        ({"failed": 1}, 1),
        ({"failed": 3}, 0),
        ({"ready": 5}, -3),
        ({"ready": 1, "preparing": 4}, -1),
    ],
)
def test_counts_what_is_missing_or_too_much(counts: dict[str, int], missing: int) -> None:
    assert count_missing(make_stock(**counts), POLICY) == missing


def test_keeps_none_where_none_are_wanted() -> None:
    none = Policy(least=2, most=0)
    assert count_missing(make_stock(), none) == 0
    assert count_missing(make_stock(ready=2), none) == -2


@pytest.mark.parametrize(
    ("created", "deployed", "stale"),
    [
        (NOW - timedelta(days=1), NOW - timedelta(days=9), False),
        (NOW - timedelta(days=1), NOW, True),
        (NOW - LONGEST_LIFE - timedelta(seconds=1), NOW - timedelta(days=90), True),
    ],
)
def test_goes_with_its_bench_or_with_age(created: datetime, deployed: datetime, stale: bool) -> None:
    assert is_stale(created, deployed, NOW) is stale


def test_does_not_outlive_the_year() -> None:
    january = datetime(2027, 1, 1, 0, 1, tzinfo=UTC)
    assert is_stale(january - timedelta(minutes=2), january - timedelta(days=9), january)
