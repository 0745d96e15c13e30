"""What the user sees at the end: where everything is, and how long each step took."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

OK_STATES = {"RUNNING": "green", "STARTING": "yellow"}


def print_addresses(console: Console, rows: Mapping[str, str]) -> None:
    """One line each, never cut: links are copied from here."""
    width = max(map(len, rows), default=0)
    console.print()
    for name, value in rows.items():
        console.print(f"  [bold]{name:<{width}}[/]  {value}", soft_wrap=True, highlight=False)


def print_timings(console: Console, title: str, timings: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2))
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for timing in timings:
        table.add_row(str(timing["step"]), f"{float(timing['seconds']):.2f}")
    console.print()
    console.print(table)


def print_programs(console: Console, programs: list[dict[str, Any]]) -> None:
    table = Table(box=None, padding=(0, 2))
    for column in ("program", "state", "pid", "runs for"):
        table.add_column(column, justify="right" if column in {"pid", "runs for"} else "left")
    for program in programs:
        colour = OK_STATES.get(program["state"], "red")
        age = format_seconds(program["seconds"]) if program["seconds"] else ""
        table.add_row(
            program["name"], f"[{colour}]{program['state'].lower()}[/]", str(program["pid"] or ""), age
        )
    console.print(table)


def format_seconds(seconds: int) -> str:
    """``42 s``, ``5 min``, ``3 h``, ``2 days``."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
