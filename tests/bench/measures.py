"""What one reading or pass took at one size, and how it grows from size to size."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.figures import Figure, find_percentile, make_figure

FLAT = 0.25
"""An exponent up to this counts as flat: a tenfold size costs less than twice the time."""
LINEAR = 1.15
SHORTEST_SECONDS = 0.0005
"""What is shorter is noise, not growth."""


@dataclass(frozen=True)
class Measure:
    """Seconds of one thing, measured once or many times."""

    name: str
    samples: Sequence[float]
    target: float | None = None
    baseline: float | None = None
    """Seconds of the same without what makes it fast, measured in the same run."""
    grows: float = FLAT
    """The largest exponent that is right for it."""
    things: str = ""
    """What the size counts, where that is not sites."""


def name_size(sites: int) -> str:
    """1000 → 1k."""
    return f"{sites // 1000}k" if sites % 1000 == 0 else str(sites)


def make_measured(measure: Measure, sites: int) -> Figure:
    """The 95th percentile where there are many samples, else the only one."""
    is_one = len(measure.samples) == 1
    value = measure.samples[0] if is_one else find_percentile(measure.samples, 95)
    name = f"{measure.name}{'' if is_one else '_p95'}_{name_size(sites)}{measure.things}"
    return make_figure(name, value, baseline=measure.baseline, target=measure.target)


def list_growths(measured: Mapping[int, Sequence[Measure]]) -> Iterator[Figure]:
    """Of each thing the exponent by which it grows with the number of sites, and whether that is right.

    The fastest sample of each size counts, because other programs of the machine can only make one slower.
    """
    by_name: dict[str, dict[int, Measure]] = {}
    for sites, measures in measured.items():
        for measure in measures:
            by_name.setdefault(measure.name, {})[sites] = measure
    for name, found in by_name.items():
        if len(found) > 1:
            fastest = {sites: min(measure.samples) for sites, measure in found.items()}
            grows = next(iter(found.values())).grows
            yield make_figure(f"{name}_growth", fit_exponent(fastest), target=grows, unit="exponent")


def fit_exponent(seconds: Mapping[int, float]) -> float:
    """The exponent of the power law through these sizes and times: 0 is flat, 1 is linear."""
    points = [(math.log(size), math.log(max(value, SHORTEST_SECONDS))) for size, value in seconds.items()]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
