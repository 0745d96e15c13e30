"""Percentiles and ratios."""

import pytest

from tests.bench.figures import find_percentile, make_figure, make_rate, make_spread


class TestFindPercentile:
    def test_of_twenty_the_nineteenth_is_the_95th(self) -> None:
        assert find_percentile([float(n) for n in range(1, 21)], 95) == 19.0

    def test_of_one_it_is_that_one(self) -> None:
        assert find_percentile([3.0], 50) == 3.0

    def test_of_nothing_there_is_none(self) -> None:
        with pytest.raises(ValueError, match="nothing"):
            find_percentile([], 50)


class TestMakeFigure:
    def test_says_whether_the_target_is_met_and_how_much_faster_it_is(self) -> None:
        figure = make_figure("webhook_to_login_p95", 1.5, baseline=30.0)
        assert (figure.target, figure.met, figure.ratio) == (2.0, True, 20.0)

    def test_a_missed_target_is_said(self) -> None:
        assert make_figure("webhook_to_login_p95", 2.5).met is False

    def test_without_target_nothing_is_met_or_missed(self) -> None:
        assert make_figure("phase_asked_to_ordered_p50", 2.5).met is None


class TestMakeRate:
    def test_more_is_better(self) -> None:
        figure = make_rate("ack_peak_per_second", 2000.0, baseline=500.0)
        assert (figure.unit, figure.target, figure.met, figure.ratio) == ("/s", 1500.0, True, 4.0)

    def test_too_few_are_said(self) -> None:
        assert make_rate("ack_peak_per_second", 1499.0).met is False


def test_a_spread_has_median_and_tail() -> None:
    spread = make_spread("suspend_to_402", [0.1, 0.2, 0.3])
    assert [(figure.figure, figure.value) for figure in spread] == [
        ("suspend_to_402_p50", 0.2),
        ("suspend_to_402_p95", 0.3),
    ]
