"""Redis forgets everything, is away for a while, comes back empty."""

import shutil
import time
from collections.abc import Iterator

from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.chaos.troubles.programs import away
from tests.e2e.platform import Platform

FLUSHES = 20
BETWEEN = 0.1


def run(platform: Platform, crew: Crew, *, quick: bool) -> Iterator[Ending]:
    """All that can befall Redis while work is under way."""
    seconds = 5 if quick else 60

    def flush() -> None:
        for _ in range(FLUSHES):
            platform.flush_redis()
            time.sleep(BETWEEN)

    def stop() -> None:
        with away(platform, "redis"):
            time.sleep(seconds)

    def empty() -> None:
        with away(platform, "redis"):
            for path in (platform.paths.state / "redis").glob("append*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    yield from endure(crew, f"Redis flushed {FLUSHES} times", flush)
    yield from endure(crew, f"Redis stopped for {seconds} s", stop)
    yield from endure(crew, "Redis restarted empty", empty)
