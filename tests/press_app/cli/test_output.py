"""How values are printed."""

from datetime import UTC, datetime, timedelta

import pytest

from press_app.cli.output import format_age, format_bytes, format_cell, format_seconds

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (False, "no"), (["a", None], "a, –"), ({"a": 1}, '{"a": 1}'), (0, "0")],
)
def test_cells(value: object, text: str) -> None:
    assert format_cell(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (12, "12 s"), (119, "119 s"), (240, "4 min"), (7200, "2 h"), (200_000, "2 days")],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(None, "–"), (999, "999 B"), (5_709_824, "5.7 MB"), (3 * 10**12, "3.0 TB")]
)
def test_bytes(size: object, text: str) -> None:
    assert format_bytes(size) == text


def test_ages_look_both_ways() -> None:
    assert format_age((NOW - timedelta(minutes=5)).isoformat(), now=NOW) == "5 min ago"
    assert format_age((NOW + timedelta(minutes=5)).isoformat(), now=NOW) == "in 5 min"
    assert format_age(None) == "–"
