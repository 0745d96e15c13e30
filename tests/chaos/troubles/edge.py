"""Traefik is killed; its configuration is torn, empty, garbage or gone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.cells import Ending
from tests.chaos.troubles.crew import Crew, endure, endure_at_rest
from tests.e2e.platform import Platform

QUICK = 2
GARBAGE = "}\x00{ nobody: [ wrote this"


def run(platform: Platform, crew: Crew, *, quick: bool) -> Iterator[Ending]:
    """Everything that can happen to the edge while sites come and go."""
    file = Path(platform.read_env("press.env")["PRESS_EDGE_DYNAMIC_FILE"])
    faults: dict[str, Callable[[], object]] = {
        "edge file cut in half": lambda: file.write_text(
            file.read_text("utf-8")[: file.stat().st_size // 2], "utf-8"
        ),
        "edge file deleted": file.unlink,
        "edge file emptied": lambda: file.write_text("", "utf-8"),
        "edge file full of garbage": lambda: file.write_text(GARBAGE, "utf-8"),
        "edge file without a route": lambda: file.write_text(json.dumps({"http": {}}), "utf-8"),
    }
    chosen = list(faults.items())[: QUICK if quick else None]
    yield from endure(crew, "edge killed", lambda: platform.kill("edge"))
    for name, hurt in chosen:
        yield from endure(crew, name, ignoring_result(hurt))
        yield from endure_at_rest(crew, name, ignoring_result(hurt))


def ignoring_result(hurt: Callable[[], object]) -> Callable[[], None]:
    def act() -> None:
        hurt()

    return act
