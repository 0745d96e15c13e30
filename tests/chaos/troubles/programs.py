"""Stopping programs of a platform without their supervisor starting them again, and starting them."""

from collections.abc import Iterator
from contextlib import contextmanager

from scripts.bringup.supervisor import RUNNING
from tests.e2e.platform import Platform
from tests.factories.processes import wait_until

SECONDS = 60.0


@contextmanager
def away(platform: Platform, *programs: str) -> Iterator[None]:
    """The programs are stopped for the block, and run again after it."""
    for name in programs:
        platform.supervisor.halt(name)
    try:
        yield
    finally:
        platform.supervisor.revive()
    wait_until(
        lambda: all(platform.status_of(name).state == RUNNING for name in programs),
        seconds=SECONDS,
        what=f"{', '.join(programs)} again",
    )
