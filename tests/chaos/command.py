"""``scripts/chaos``: hurts a platform of its own in every way that the kit knows, and says what became of it."""

import argparse
import json
import math
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

from press_app.cli.failures import CommandFailed
from press_app.cli.output import note, say
from tests.bench.stock import keep_spares
from tests.chaos import lanes
from tests.chaos.acts import ACTS, TAKE
from tests.chaos.cells import Cell, Ending
from tests.chaos.orders import Orders
from tests.chaos.troubles import command as troubles
from tests.chaos.troubles import containers
from tests.e2e.platform import Platform, running
from tests.factories.docker_engine import docker_engine
from tests.factories.frappe import settle

SPARES = 12
"""Twice as many as lanes, so that one stands whenever a tenant comes."""


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    # However the run is ended: its platform must not outlive it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    start = time.monotonic()
    with planted(options.state, options.engine) as platform:
        note(f"The platform runs after {time.monotonic() - start:.0f} s; load {os.getloadavg()[0]:.1f}.")
        endings = []
        for ending in hurt_all(platform, options):
            print_ending(ending, as_json=options.json)
            endings.append(ending)
    return summarise(endings, time.monotonic() - start, as_json=options.json)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Prove that the platform cannot be broken.")
    parser.add_argument(
        "--quick", action="store_true", help="a part that takes three minutes, another each hour"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--only", type=re.compile, default=re.compile(""), metavar="PATTERN", help="cells whose line matches"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, metavar="N", help="begin no more cells after so long"
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="an empty folder for the installation; it stays afterwards"
    )
    parser.add_argument(
        "--engine",
        choices=("tryton", "frappe"),
        default="tryton",
        help="what its sites are; frappe wants PRESS_TEST_FRAPPE_GIT, and is hurt by kills alone",
    )
    return parser.parse_args(arguments)


@contextmanager
def planted(state: Path | None, engine: str) -> Iterator[Platform]:
    """A platform of our own whose programs can be hurt at every moment."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="press-chaos-"))
        where = (state or Path(folder)).resolve()
        where.mkdir(parents=True, exist_ok=True)
        # Every start of the installation inherits it, also one after an `up` that wrote its files anew.
        os.environ.update(Orders(where / lanes.ORDERS).make())
        arguments: list[str] = []
        if engine == "frappe":
            docker = stack.enter_context(docker_engine())
            arguments = settle(where, docker.url)
            stack.callback(containers.remove_all, docker, where)
        platform = stack.enter_context(running(where, *arguments))
        platform.wait_healthy()
        yield platform


def hurt_all(platform: Platform, options: argparse.Namespace) -> Iterator[Ending]:
    """The kills, and after them the world's troubles, of which a quick run leaves the bounded part to their own test."""
    only: re.Pattern[str] = options.only
    yield from lanes.run(
        platform,
        quick=options.quick,
        seconds=options.minutes * 60,
        is_wanted=lambda cell: bool(only.search(name(cell))),
    )
    if options.quick or options.engine == "frappe":
        return
    yield from hurt_takers(platform, is_wanted=lambda cell: bool(only.search(name(cell))))
    for ending in troubles.run(platform, quick=False, is_wanted=partial(may_match, only)):
        if only.search(name(ending.cell)):
            yield ending


def hurt_takers(platform: Platform, *, is_wanted: Callable[[Cell], bool]) -> Iterator[Ending]:
    """Creates that take a spare, on the same platform while it keeps some; afterwards it keeps none again."""
    keep_spares(platform, SPARES)
    yield from lanes.run(platform, quick=False, is_wanted=is_wanted, acts=(TAKE,))
    keep_spares(platform, 0)


def may_match(only: re.Pattern[str], fault: str) -> bool:
    """Whether a cell with this fault of the world can be meant; which operation it meets is known at its end."""
    return any(only.search(f"{act.name} · while it runs · {fault}") for act in ACTS)


def name(cell: Cell) -> str:
    return f"{cell.operation} · {cell.moment} · {cell.fault}"


def print_ending(ending: Ending, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(asdict(ending) | {"holds": ending.holds}))
        return
    say(f"{'ok ' if ending.holds else 'RED'} {ending.seconds:>7.2f} s  {name(ending.cell)}")
    for line in (*ending.broken, *ending.timeline):
        say(f"      {line}")


def summarise(endings: list[Ending], seconds: float, *, as_json: bool) -> int:
    """Seconds for each program, and the count; 1 when a cell is red, or when there was none."""
    survived = sum(ending.holds for ending in endings)
    red = len(endings) - survived
    programs = dict(list_programs(endings))
    if as_json:
        say(
            json.dumps({"survived": survived, "red": red, "seconds": round(seconds, 1), "programs": programs})
        )
        return 1 if red or not endings else 0
    for program, figures in programs.items():
        say(
            f"{program:<14} {figures['faults']:>4} faults, {figures['median']:g} s median, {figures['longest']:g} s longest"
        )
    say(f"{survived} faults survived, {red} red, in {seconds:.0f} s.")
    return 1 if red or not endings else 0


def list_programs(endings: list[Ending]) -> Iterator[tuple[str, dict[str, float]]]:
    """How long it took until all was well again, for each program that was hurt."""
    found: dict[str, list[float]] = defaultdict(list)
    for ending in endings:
        program, has_program, _ = ending.cell.moment.partition(": ")
        if has_program and ending.holds:
            found[program].append(ending.seconds)
    for program, times in sorted(found.items()):
        figures = {"median": round(statistics.median(times), 1), "longest": round(max(times), 1)}
        yield program, {"faults": len(times), **figures}


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CommandFailed, LookupError, AssertionError) as failure:
        sys.exit(f"chaos: {failure}")
