"""What a benchmark says: one figure a line, beside its target and the baseline of the same run."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

TARGETS = {
    "webhook_to_login_p95": 2.0,
    "webhook_to_login_4_at_once_p95": 2.0,
    "webhook_to_login_from_pool_4_at_once_p95": 1.5,
    "suspend_to_402_p95": 1.0,
    "resume_to_200_p95": 1.0,
    "commit_to_agent_start_p95": 0.1,
    "job_end_to_known_p95": 0.2,
    "ack_durable_p99_at_500_per_second": 0.025,
}
"""Seconds at most; a missed one is said and never fails a run."""
MOST = {"memory_of_the_platform": 450.0, "idle_processor": 2.0}
"""In the unit of the figure."""
LEAST = {"ack_peak_per_second": 1500.0}
"""Rates at least."""
DIGITS = 4


@dataclass(frozen=True)
class Figure:
    """A measured value; ``ratio`` says how many times the baseline is as large."""

    figure: str
    value: float
    unit: str = "s"
    target: float | None = None
    met: bool | None = None
    baseline: float | None = None
    ratio: float | None = None

    def describe(self) -> dict[str, Any]:
        return asdict(self)


def make_figure(
    name: str, value: float, *, baseline: float | None = None, target: float | None = None, unit: str = "s"
) -> Figure:
    """With its target where it has one."""
    target = TARGETS.get(name, MOST.get(name, target))
    return Figure(
        figure=name,
        value=round(value, DIGITS),
        unit=unit,
        target=target,
        met=None if target is None else value <= target,
        baseline=None if baseline is None else round(baseline, DIGITS),
        ratio=None if not baseline or not value else round(baseline / value, 1),
    )


def make_rate(name: str, value: float, *, baseline: float | None = None) -> Figure:
    """So many a second; more is better."""
    target = LEAST.get(name)
    return Figure(
        figure=name,
        value=round(value, 1),
        unit="/s",
        target=target,
        met=None if target is None else value >= target,
        baseline=None if baseline is None else round(baseline, 1),
        ratio=None if not baseline else round(value / baseline, 1),
    )


def make_spread(name: str, values: Sequence[float], *, baseline: float | None = None) -> list[Figure]:
    """The median and the 95th percentile."""
    return [
        make_figure(f"{name}_p{percent}", find_percentile(values, percent), baseline=baseline)
        for percent in (50, 95)
    ]


def find_percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of all do not exceed."""
    if not values:
        message = "a percentile of nothing"
        raise ValueError(message)
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
