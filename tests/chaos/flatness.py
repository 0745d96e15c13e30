"""Whether what a program uses grows: samples of each life of it, a fitted slope, a tolerance."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WARM_UP_SECONDS = 120.0
"""A program that has just started still loads and fills its pools; what it uses then is no trend."""
SURE = 2.0
"""Standard errors that a slope must be above its tolerance before it is called growth."""
LEAST_SAMPLES = 8
KILOBYTE = 1024

MEMORY, FILES, THREADS = "memory", "open files", "threads"
TOLERATED: Mapping[str, tuple[float, float]] = {
    MEMORY: (0.10, 6 * KILOBYTE**2),
    # Pools fill when threads happen to meet: a database connection has two files, and HTTP connections are kept.
    # Among four hundred operations a leak of one file in forty is above it.
    FILES: (0.10, 10),
    THREADS: (0.10, 2),
}
"""Growth over the time that was watched which is not called growth: the larger of this share and this amount."""


@dataclass(frozen=True)
class Sample:
    """What one process used at one moment."""

    program: str
    pid: int
    age: float
    """Seconds since its start; a killed program begins anew."""
    used: Mapping[str, float]


@dataclass(frozen=True)
class Trend:
    """How one figure of one program went."""

    program: str
    figure: str
    typical: float
    """The median after the warm-up; bytes or a count."""
    per_hour: float
    growth: float
    """The slope over the time that all lives were watched."""
    error: float
    """The standard error of the growth."""
    samples: int
    lives: int

    @property
    def tolerance(self) -> float:
        share, amount = TOLERATED[self.figure]
        return max(share * self.typical, amount)

    @property
    def is_judged(self) -> bool:
        """Too few samples say nothing."""
        return self.samples - self.lives >= LEAST_SAMPLES

    @property
    def is_flat(self) -> bool:
        """Whether the growth is within its tolerance, or not surely above it."""
        return not self.is_judged or self.growth - SURE * self.error <= self.tolerance


def measure(program: str, pid: int, age: float) -> Sample | None:
    """What the process uses now; None when it is gone."""
    process = Path(f"/proc/{pid}")
    try:
        rollup = (process / "smaps_rollup").read_text("utf-8").splitlines()
        memory = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        files = len(list((process / "fd").iterdir()))
        threads = len(list((process / "task").iterdir()))
    except (OSError, StopIteration):
        return None
    return Sample(program, pid, age, {MEMORY: memory * KILOBYTE, FILES: files, THREADS: threads})


def list_trends(samples: Sequence[Sample], *, warm_up: float = WARM_UP_SECONDS) -> list[Trend]:
    """A trend for each program and figure that has samples after the warm-up."""
    programs: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.age >= warm_up:
            programs[sample.program].append(sample)
    return [fit(program, figure, warm) for program, warm in sorted(programs.items()) for figure in TOLERATED]


def fit(program: str, figure: str, samples: Sequence[Sample]) -> Trend:
    """One slope over all lives of the program, each life with a level of its own."""
    lives: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for sample in samples:
        lives[sample.pid].append((sample.age, sample.used[figure]))
    # Within each life, against its own middle: a life that began on another level is no growth.
    points = [point for life in lives.values() for point in _centre(life)]
    spread = sum(x * x for x, _ in points)
    slope = sum(x * y for x, y in points) / spread if spread else 0.0
    freedom = len(points) - len(lives) - 1
    rest = sum((y - slope * x) ** 2 for x, y in points)
    error = math.sqrt(rest / freedom / spread) if spread and freedom > 0 else 0.0
    seconds = sum(max(life)[0] - min(life)[0] for life in lives.values())
    values = sorted(sample.used[figure] for sample in samples)
    return Trend(
        program=program,
        figure=figure,
        typical=values[len(values) // 2],
        per_hour=slope * 3600,
        growth=slope * seconds,
        error=error * seconds,
        samples=len(samples),
        lives=len(lives),
    )


def _centre(life: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    x_middle = sum(x for x, _ in life) / len(life)
    y_middle = sum(y for _, y in life) / len(life)
    return [(x - x_middle, y - y_middle) for x, y in life]
