"""The clock of the whole installation jumps an hour forward, an hour back, and is right again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from press_app.cli.output import note
from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure
from tests.chaos.troubles.disk import set_own
from tests.e2e.platform import Platform, run_up

LIBRARY = "faketime/libfaketimeMT.so.1"
FILES = ("press.env", "agent.env", "bridge.env", "lago-sandbox.env")
RIGHT = "+0"
JUMPS = {"ahead": "+1h", "behind": "-1h"}


def run(platform: Platform, crew: Crew, *, quick: bool) -> Iterator[Ending]:
    """With Debian's libfaketime under every program of ours; they are started with it and go without it afterwards."""
    library = find_library()
    if library is None:
        note("Jumping clocks are left out: Debian's libfaketime is not installed.")
        return
    seconds = 10 if quick else 60
    faults = {f"clock 1 h {way} for {seconds} s": jump for way, jump in JUMPS.items()}
    if not any(map(crew.is_wanted, faults)):
        return
    with faked(platform, library) as clock:
        for fault, jump in faults.items():
            yield from endure(crew, fault, leap(clock, jump, seconds))


def find_library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob(f"*/{LIBRARY}"))), None)


@contextmanager
def faked(platform: Platform, library: Path) -> Iterator[Path]:
    """Every program of ours takes its time from the file that is yielded."""
    clock = platform.paths.state / "clock"
    clock.write_text(RIGHT, "utf-8")
    for file in FILES:
        set_own(
            platform.paths.state,
            file,
            LD_PRELOAD=str(library),
            FAKETIME_TIMESTAMP_FILE=str(clock),
            FAKETIME_CACHE_DURATION="1",
            # What waits and what is stored keeps to the machine's own time, as with a clock that is set.
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            NO_FAKE_STAT="1",
        )
    try:
        restart(platform)
        yield clock
    finally:
        for file in FILES:
            (platform.paths.settings / file).unlink()
        restart(platform)


def restart(platform: Platform) -> None:
    run_up(platform.paths, "--no-demo")
    platform.wait_healthy()


def leap(clock: Path, jump: str, seconds: float) -> Callable[[], None]:
    """A fault: the clock is wrong for so long."""

    def hurt() -> None:
        try:
            clock.write_text(jump, "utf-8")
            time.sleep(seconds)
        finally:
            clock.write_text(RIGHT, "utf-8")

    return hurt
