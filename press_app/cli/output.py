"""What commands print: one JSON document for programs, tables and sentences for people."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]
Row = Mapping[str, Any]
Column = tuple[str, str | Callable[[Row], object]]
"""Title, and the field's name or a function of the row."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def print_json(value: Any) -> None:
    """One document, nothing else, on standard output."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A line for people, on standard output; the text is printed as it is, never as markup."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the result, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def show(value: Any, *, as_json: bool, sentence: str) -> None:
    """The value for programs, or the sentence for people."""
    if as_json:
        print_json(value)
    else:
        say(sentence)


def show_list(items: Sequence[Row], columns: Sequence[Column], *, as_json: bool, nothing: str) -> None:
    """``{"items": […]}`` for programs, a table for people."""
    if as_json:
        print_json({"items": list(items)})
    elif not items:
        say(nothing)
    else:
        print_table(items, columns)


def print_table(items: Iterable[Row], columns: Sequence[Column], *, title: str | None = None) -> None:
    """A table as wide as the terminal; as wide as its content where no terminal is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, _ in columns:
        table.add_column(heading, overflow="fold")
    for item in items:
        table.add_row(*(Text(format_cell(read_cell(item, source))) for _, source in columns))
    make_console().print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Name and value, one a line; empty ones are left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        if value is not None and value not in ("", [], {}):
            table.add_row(name, Text(format_cell(value)))
    make_console().print(table)


def make_console(*, stderr: bool = False) -> Any:
    """A rich console; wide where nobody looks, so that programs can cut lines."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 200, highlight=False, soft_wrap=False)


def read_cell(item: Row, source: str | Callable[[Row], object]) -> object:
    return item.get(source) if isinstance(source, str) else source(item)


def format_cell(value: object) -> str:
    """``–`` for nothing, ``yes`` and ``no``, lists joined by commas, objects as JSON."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(format_cell(part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def format_age(moment: str | None, *, now: datetime | None = None) -> str:
    """``12 s ago``, ``3 h ago``; ``in 4 min`` for what is to come; ``–`` for nothing."""
    if not moment:
        return "–"
    seconds = ((now or datetime.now(UTC)) - parse_moment(moment)).total_seconds()
    text = format_seconds(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def parse_moment(text: str) -> datetime:
    """An RFC 3339 time."""
    return datetime.fromisoformat(text)


def format_seconds(seconds: float) -> str:
    """``850 ms``, ``12 s``, ``4 min``, ``3 h``, ``2 days``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def format_bytes(size: object) -> str:
    """``3.4 MB``; ``–`` for nothing."""
    if not isinstance(size, int):
        return "–"
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - units of thousands, as disks are sold
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
