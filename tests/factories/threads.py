"""Doing the same thing many times at the same moment."""

import threading
from collections.abc import Callable

from press_app.errors import PressError


def run_at_once(threads: int, function: Callable[[], object]) -> list[PressError]:
    """Call it in so many threads at the same moment; returns the expected failures."""
    start = threading.Barrier(threads)
    failed: list[PressError] = []
    broken: list[BaseException] = []

    def call() -> None:
        start.wait()
        try:
            function()
        except PressError as error:
            failed.append(error)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            broken.append(error)

    running = [threading.Thread(target=call) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not broken, broken
    return failed
