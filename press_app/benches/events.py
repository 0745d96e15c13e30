"""What the benches tell the slices above them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchRetireWanted:
    """An empty bench is to go; listeners may refuse by raising."""

    bench_id: str
