"""Tells a platform of its own how many sites to make ahead, and waits until they stand."""

import time

from tests.e2e.platform import Platform, run_up

READY_SECONDS = 600.0
APPS = ["base"]


def keep_spares(platform: Platform, count: int) -> None:
    """From now on so many spares for each set of apps; returns when they are ready."""
    platform.paths.settings.mkdir(exist_ok=True)
    lines = f"PRESS_SPARES_MIN={count}\nPRESS_SPARES_MAX={count}\n"
    (platform.paths.settings / "press.env").write_text(lines, "utf-8")
    run_up(platform.paths, "--no-demo")
    platform.wait_healthy()
    deadline = time.monotonic() + READY_SECONDS
    while count_ready(platform) != count:
        if time.monotonic() > deadline:
            message = f"{count_ready(platform)} of {count} spares stand after {READY_SECONDS:.0f} s"
            raise LookupError(message)
        time.sleep(1)


def count_ready(platform: Platform) -> int:
    spares = platform.api.list_all("/v1/spares")
    return sum(spare["status"] == "ready" and spare["apps"] == APPS for spare in spares)
