"""``scripts/bench``: measures the running platform, or one of its own, and says each figure beside its target."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from press_app.cli.failures import CommandFailed
from press_app.cli.output import note, say
from press_app.kit.logs import setup_logs
from scripts.bringup.state import ROOT
from scripts.testing.mariadb import find_programs, run_mariadb
from tests.bench.acks import make_durable, measure_acks
from tests.bench.births import measure_births, measure_crowd
from tests.bench.figures import Figure, make_figure
from tests.bench.footprint import measure_footprint
from tests.bench.frappe import measure_frappe
from tests.bench.scale import choose_sizes, measure_scale
from tests.bench.scratch import make_from_scratch
from tests.bench.stock import keep_spares
from tests.bench.switches import measure_orders, measure_switches
from tests.e2e.platform import Platform, load, running
from tests.e2e.tenants import Tenant

SWITCHES = 10
SERIAL = 20
PARTS = ("acks", "scale", "platform")
"""How webhooks are acknowledged, reads and passes with many sites, what customers wait for."""
FRAPPE = "frappe"
"""Needs Docker and the code of a Frappe, so it is measured when it is asked for."""


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    # Figures alone go to standard output; that no edge runs while the promises are checked is no news.
    setup_logs("ERROR")
    wanted = {options.only} if options.only else set(PARTS)
    for figure in measure_without_platform(options, wanted):
        print_figure(figure, as_json=options.json)
    if "platform" not in wanted:
        return 0
    with find_platform(options.state, own=options.own) as platform:
        platform.wait_healthy()
        note(f"Measuring {platform.paths.state}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
        is_own = platform.paths.state != options.state.resolve()
        for figure in measure(platform, options.sites, is_own=is_own):
            print_figure(figure, as_json=options.json)
    return 0


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure what customers and operators wait for."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", choices=(*PARTS, FRAPPE), help="one part; acks and scale need no platform")
    parser.add_argument(
        "--sites", type=int, default=50, metavar="N", help="how many sites are made four at a time (50)"
    )
    parser.add_argument(
        "--scale", type=int, default=10_000, metavar="N", help="sites of the scale model (10000)"
    )
    parser.add_argument("--mariadb", action="store_true", help="the scale model on a MariaDB of its own")
    parser.add_argument("--own", action="store_true", help="start a platform for the run even where one runs")
    parser.add_argument(
        "--state", type=Path, default=ROOT / "var", metavar="DIR", help="the installation to measure (./var)"
    )
    return parser.parse_args(arguments)


def measure_without_platform(options: argparse.Namespace, wanted: set[str]) -> Iterator[Figure]:
    """The parts that start what they need themselves."""
    if "acks" in wanted:
        yield from measure_bridge()
    if FRAPPE in wanted:
        yield from measure_frappe()
    if "scale" in wanted:
        sizes = choose_sizes(options.scale)
        yield from measure_scale(sizes, note=note, is_on_mariadb=options.mariadb)


def measure_bridge() -> Iterator[Figure]:
    """Webhooks acknowledged, on the disk that holds the data; on MariaDB, too, where it is installed."""
    note(f"Sending webhooks to a billing bridge; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as name:
        folder = Path(name)
        yield from measure_acks(folder)
        if find_programs() is None:
            note("mariadbd is not installed: only SQLite was measured.")
            return
        with run_mariadb(folder / "mariadb") as server:
            yield from measure_acks(folder, database_url=make_durable(server), suffix="_mariadb")


@contextmanager
def find_platform(state: Path, *, own: bool) -> Iterator[Platform]:
    """The running installation, or one that lives for this run only."""
    record = state / "up.json"
    if not own and record.exists():
        platform = load(record)
        if platform.supervisor.is_running():
            yield platform
            return
    note("Starting a platform for this run.")
    with tempfile.TemporaryDirectory(prefix="press-bench-") as folder, running(Path(folder)) as platform:
        yield platform


def measure(platform: Platform, sites: int, *, is_own: bool) -> Iterator[Figure]:
    """All figures, as they come; what was made is removed again."""
    was_tripped = platform.api.get("/v1/termination-guard")["is_tripped"]
    if is_own:
        keep_spares(platform, 0)
        note("Looking at it while nothing happens.")
        yield from measure_footprint(platform)
    note("Making the same ERP from scratch, for comparison.")
    baseline = make_from_scratch(platform)
    yield make_figure("site_from_scratch", baseline)
    note(f"Making {SERIAL} sites one by one, then {sites} four at a time.")
    figures, tenants = measure_births(platform, SERIAL, baseline)
    yield from figures
    try:
        for figures, born in measure_crowds(platform, sites, baseline, is_own=is_own):
            yield from figures
            tenants += born
        note("Suspending and resuming.")
        yield from measure_switches(platform, tenants[0], SWITCHES)
        # Not those made four at a time: their orders waited for each other, not for the way to the agent.
        yield from measure_orders(platform, tenants[: SERIAL + 1])
    finally:
        note(f"Removing {len(tenants)} sites.")
        remove(platform, tenants, may_release=not was_tripped)


def measure_crowds(
    platform: Platform, sites: int, baseline: float, *, is_own: bool
) -> Iterator[tuple[list[Figure], list[Tenant]]]:
    """Four at a time; on a platform of its own without and with sites made ahead."""
    yield measure_crowd(platform, sites, baseline, name="webhook_to_login")
    if is_own:
        note(f"Making {sites} sites ahead, and giving them to customers, four at a time.")
        keep_spares(platform, sites)
        yield measure_crowd(platform, sites, baseline, name="webhook_to_login_from_pool")


def remove(platform: Platform, tenants: list[Tenant], *, may_release: bool) -> None:
    """End every subscription; so many ends at once trip the guard, which is lifted when it was open before."""
    for tenant in tenants:
        tenant.terminate()
    if may_release:
        for tenant in tenants:
            tenant.wait_for("archived", seconds=120)
    elif platform.api.get("/v1/termination-guard")["is_tripped"]:
        note("The termination guard was tripped before the run; the sites are archived when it is released.")


def print_figure(figure: Figure, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(figure.describe()))
        return
    target = (
        "" if figure.target is None else f"  target {figure.target:g}: {'met' if figure.met else 'MISSED'}"
    )
    ratio = "" if figure.ratio is None else f"  {figure.ratio:g} times as good as the baseline"
    say(f"{figure.figure:<48} {figure.value:>9.3f} {figure.unit}{target}{ratio}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CommandFailed, LookupError, AssertionError) as failure:
        sys.exit(f"bench: {failure}")
