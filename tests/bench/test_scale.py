"""The scale run in small: every figure comes, and the arithmetic of growth is right."""

import pytest

from tests.bench.measures import Measure, fit_exponent, list_growths, make_measured
from tests.bench.scale import choose_sizes, measure_scale

SITES = 200


class TestGrowth:
    def test_the_exponent_is_that_of_the_power_law(self) -> None:
        assert fit_exponent({1_000: 1.0, 10_000: 10.0, 100_000: 100.0}) == pytest.approx(1.0)
        assert fit_exponent({1_000: 2.0, 10_000: 2.0}) == pytest.approx(0.0)
        assert fit_exponent({1_000: 1.0, 100_000: 10.0}) == pytest.approx(0.5)

    def test_what_is_too_short_to_measure_does_not_grow(self) -> None:
        assert fit_exponent({1_000: 0.000_01, 10_000: 0.000_4}) == pytest.approx(0.0)

    def test_says_whether_a_thing_grows_more_than_it_should(self) -> None:
        measured = {
            1_000: [Measure("list", [0.01, 0.9]), Measure("all", [1.0], grows=1.1)],
            10_000: [Measure("list", [0.1, 0.1]), Measure("all", [10.0], grows=1.1)],
        }
        growths = {figure.figure: figure for figure in list_growths(measured)}
        assert growths["list_growth"].met is False
        assert growths["all_growth"].met is True
        assert growths["all_growth"].unit == "exponent"

    def test_a_single_size_has_no_growth(self) -> None:
        assert list(list_growths({1_000: [Measure("list", [0.01])]})) == []


class TestNames:
    def test_name_what_was_measured_and_at_which_size(self) -> None:
        many, one = Measure("api_list", [0.01, 0.02], target=0.05), Measure("pass", [3.0], things="_routes")
        assert make_measured(many, 10_000).describe()["figure"] == "api_list_p95_10k"
        assert make_measured(many, 10_000).met is True
        assert make_measured(one, 200).figure == "pass_200_routes"

    def test_sizes_go_up_to_the_largest(self) -> None:
        assert choose_sizes(10_000) == (1_000, 10_000)
        assert choose_sizes(50_000) == (1_000, 10_000, 50_000)
        assert choose_sizes(200) == (200,)


@pytest.mark.timeout(600)
def test_every_figure_comes_at_a_small_size() -> None:
    told: list[str] = []
    figures = {figure.figure: figure for figure in measure_scale([SITES], note=told.append)}
    assert told == [f"Filling a control plane with {SITES} sites."]
    for name in (
        "api_list_sites_p95",
        "api_site_detail_p95",
        "api_list_subscriptions_p95",
        "api_list_jobs_p95",
        "api_site_timeline_p95",
        "reconcile_control_plane",
        "reconcile_billing",
        "reconcile_full",
        "ticker_pass_p95",
        "placement_p95",
        "edge_one_change_cpu_p95",
    ):
        assert figures[f"{name}_{SITES}"].value > 0, name
    assert figures[f"suspend_to_402_p95_{SITES}_routes"].value > 0
    assert figures[f"reconcile_full_{SITES}"].met
