"""``scripts/soak``: a platform of its own, lived on and killed for a while, measured all the time."""

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from press_app.cli.failures import CommandFailed
from press_app.cli.output import Column, note, print_table, say
from tests.chaos.flatness import MEMORY, Trend
from tests.chaos.soak import CUSTOMERS, Report, Soak
from tests.chaos.tables import Growth
from tests.e2e.platform import running

MEGABYTE = 1 << 20
SHARE_OF_WARM_UP = 0.1


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    with ExitStack() as stack:
        state = options.state or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="press-soak-")))
        state.mkdir(parents=True, exist_ok=True)
        platform = stack.enter_context(running(state.resolve()))
        platform.wait_healthy()
        seconds = options.minutes * 60
        note(f"Soaking {options.minutes:g} minutes with seed {seed}; load {os.getloadavg()[0]:.1f}.")
        soak = Soak(platform, seed=seed, customers=options.customers)
        report = soak.run(seconds, warm_up=seconds * SHARE_OF_WARM_UP)
    if options.json:
        say(json.dumps(describe(report) | {"seed": seed}))
    else:
        print_report(report)
    return 1 if report.problems else 0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description="Live on a platform and kill at random.")
    parser.add_argument("--minutes", type=float, default=20.0, metavar="N", help="how long (20)")
    parser.add_argument(
        "--customers", type=int, default=CUSTOMERS, metavar="N", help=f"how many ({CUSTOMERS})"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="repeats the choices of an earlier run")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--state", type=Path, metavar="DIR", help="an empty folder that stays afterwards")
    return parser.parse_args(arguments)


def describe(report: Report) -> dict[str, Any]:
    return {
        "ok": not report.problems,
        "problems": report.problems,
        "timeline": report.timeline,
        "seconds": round(report.seconds, 1),
        "acts": report.acts,
        "kills": report.kills,
        "programs": [describe_trend(trend) for trend in report.trends],
        "databases": [describe_growth(growth) for growth in report.growths],
    }


def describe_trend(trend: Trend) -> dict[str, Any]:
    return {
        "program": trend.program,
        "figure": trend.figure,
        "typical": trend.typical,
        "per_hour": round(trend.per_hour, 1),
        "growth": round(trend.growth, 1),
        "error": round(trend.error, 1),
        "tolerance": round(trend.tolerance, 1),
        "samples": trend.samples,
        "lives": trend.lives,
        "judged": trend.is_judged,
        "flat": trend.is_flat,
    }


def describe_growth(growth: Growth) -> dict[str, Any]:
    return {
        "database": growth.database,
        "bytes_before": growth.before.used,
        "bytes_after": growth.after.used,
        "rows_before": growth.before.count,
        "rows_after": growth.after.count,
        "bytes_per_row_before": round(growth.before.used / max(1, growth.before.count)),
        "bytes_per_row_after": round(growth.after.used / max(1, growth.after.count)),
        "log_bytes": growth.after.log,
        "kept": growth.kept,
        "passing": growth.after.passing,
        "explained": round(growth.explained),
        "flat": growth.is_flat,
    }


def print_report(report: Report) -> None:
    print_table([show_trend(trend) for trend in report.trends], TREND_COLUMNS)
    print_table([describe_growth(growth) for growth in report.growths], GROWTH_COLUMNS)
    for line in (*report.problems, *report.timeline):
        say(line)
    acts, kills = sum(report.acts.values()), sum(report.kills.values())
    verdict = f"{len(report.problems)} problems" if report.problems else "everything true and flat"
    say(f"{acts} operations {count(report.acts)}, {kills} kills {count(report.kills)}: {verdict}.")


def count(counted: Mapping[str, int]) -> str:
    return "(" + ", ".join(f"{name} {number}" for name, number in sorted(counted.items())) + ")"


def show_trend(trend: Trend) -> dict[str, str]:
    unit, digits = (MEGABYTE, 1) if trend.figure == MEMORY else (1, 1)
    verdict = "flat" if trend.is_flat else "GROWS"
    return {
        "program": trend.program,
        "figure": f"{trend.figure} (MB)" if trend.figure == MEMORY else trend.figure,
        "typical": f"{trend.typical / unit:.{digits}f}",
        "growth": f"{trend.growth / unit:+.{digits}f} ± {trend.error / unit:.{digits}f}",
        "tolerated": f"{trend.tolerance / unit:.{digits}f}",
        "lives": str(trend.lives),
        "verdict": verdict if trend.is_judged else "too few samples",
    }


TREND_COLUMNS: list[Column] = [
    ("Program", "program"),
    ("Figure", "figure"),
    ("Typical", "typical"),
    ("Growth while watched", "growth"),
    ("Tolerated", "tolerated"),
    ("Lives", "lives"),
    ("", "verdict"),
]
GROWTH_COLUMNS: list[Column] = [
    ("Database", "database"),
    ("Bytes", lambda row: f"{row['bytes_before']} → {row['bytes_after']}"),
    ("Rows", lambda row: f"{row['rows_before']} → {row['rows_after']}"),
    ("Bytes a row", lambda row: f"{row['bytes_per_row_before']} → {row['bytes_per_row_after']}"),
    ("Kept rows", lambda row: ", ".join(f"{name} +{n}" for name, n in list(row["kept"].items())[:4])),
    ("Passing", lambda row: str(row["passing"])),
    ("", lambda row: "flat" if row["flat"] else "GROWS"),
]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CommandFailed, LookupError, AssertionError) as failure:
        sys.exit(f"soak: {failure}")
