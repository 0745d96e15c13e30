"""``python -m scripts.bringup``: the Python half of ``scripts/up``."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from rich.console import Console

from agent.commands.supervisord import UnwritableProgram
from scripts.bringup import report, setup
from scripts.bringup.engines import ENGINES
from scripts.bringup.errors import UpError
from scripts.bringup.installation import Installation
from scripts.bringup.journal import Journal
from scripts.bringup.ports import WANTED
from scripts.bringup.state import ROOT, Paths, hold_lock

INTERRUPTED = 130


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="up",
        description="Bring the whole platform up on 127.0.0.1, make one demo tenant, and say where everything is. "
        "Run it again at any time: it continues where it stopped and changes nothing that is right.",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--status", action="store_true", help="say what runs; exit 1 when something does not")
    action.add_argument("--down", action="store_true", help="stop everything; data stays")
    action.add_argument(
        "--reset", action="store_true", help="stop everything and erase all data, tenants included"
    )
    parser.add_argument("--no-demo", action="store_true", help="do not make the demo tenant")
    parser.add_argument("--engine", choices=ENGINES, help="the ERP of a new installation (tryton)")
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="APP=URL@BRANCH",
        help="with --engine frappe: code of an app, frappe first; may be repeated",
    )
    parser.add_argument("--yes", action="store_true", help="with --reset: do not ask")
    parser.add_argument(
        "--json", action="store_true", help="print the result for programs, on standard output"
    )
    parser.add_argument(
        "--state", type=Path, default=ROOT / "var", metavar="DIR", help="where data lives (./var)"
    )
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="NAME=PORT",
        type=parse_port,
        help=f"a fixed port; names: {', '.join(WANTED)}",
    )
    return parser.parse_args(arguments)


def parse_port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in WANTED or not number.isascii() or not number.isdigit() or not 0 < int(number) < 65536:  # noqa: PLR2004 - ports are 16 bits.
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=PORT with a name of {', '.join(WANTED)}")
    return name, int(number)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    console = Console(stderr=True, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    journal = Journal(console)
    try:
        return _choose(options)(options, Installation(Paths(options.state.resolve()), journal), console)
    except UpError as error:
        if error.log:
            console.print(error.log, style="dim", markup=False, highlight=False)
        console.print(f"[red]up:[/] {error.message}", highlight=False)
        return 1
    except KeyboardInterrupt:
        at = f" at '{journal.current}'" if journal.current else ""
        console.print(
            f"\nup: interrupted{at}. Nothing is lost: run up again to continue, or up --down to stop."
        )
        return INTERRUPTED
    except UnwritableProgram as error:
        console.print(
            f"[red]up:[/] {error}; move the checkout or the state folder to a plain path.", highlight=False
        )
        return 1
    except OSError as error:
        console.print(f"[red]up:[/] {explain_os_error(error)}", highlight=False)
        return 1


def explain_os_error(error: OSError) -> str:
    """One sentence for what the machine refuses: a full disk, a folder of somebody else."""
    where = f" ({error.filename})" if error.filename else ""
    return f"the machine refused: {error.strerror or error}{where}; mend that and run up again, it continues from here."


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


Action = Callable[[argparse.Namespace, Installation, Console], int]


def _choose(options: argparse.Namespace) -> Action:
    if options.status:
        return show_status
    if options.down:
        return take_down
    return reset if options.reset else bring_up


def bring_up(options: argparse.Namespace, installation: Installation, console: Console) -> int:
    start = time.monotonic()
    with hold_lock(installation.paths):
        links = setup.bring_up(
            installation,
            asked=dict(options.port),
            demo=not options.no_demo,
            engine=options.engine,
            sources=options.app,
        )
    if options.json:
        print(json.dumps(installation.describe() | {"links": links}))
        return 0
    if installation.record.demo:
        report.print_timings(console, "From webhook to login", installation.record.demo.get("steps", []))
    report.print_addresses(console, links)
    console.print(
        f"\nUp after {time.monotonic() - start:.1f} s. Stop with ./scripts/up --down.", highlight=False
    )
    return 0


def show_status(options: argparse.Namespace, installation: Installation, console: Console) -> int:
    status = installation.describe()
    if options.json:
        print(json.dumps(status))
    elif not status["programs"]:
        console.print("Nothing runs here. Start it with ./scripts/up.")
    else:
        report.print_programs(console, status["programs"])
        report.print_addresses(console, status["urls"])
    return 0 if status["running"] else 1


def take_down(_options: argparse.Namespace, installation: Installation, console: Console) -> int:
    with hold_lock(installation.paths):
        stopped = installation.stop()
    console.print("Stopped; the data stays. Start again with ./scripts/up." if stopped else "Nothing ran.")
    return 0


def reset(options: argparse.Namespace, installation: Installation, console: Console) -> int:
    state = installation.paths.state
    if not options.yes:
        question = (
            f"Erase every site, backup and account under {state}? This cannot be undone. Type 'erase': "
        )
        if not sys.stdin.isatty() or console.input(question).strip() != "erase":
            raise UpError("nothing was erased; say --reset --yes, or type 'erase' when asked.")
    with hold_lock(installation.paths):
        installation.stop()
        installation.erase()
    console.print(f"Erased what stood under {state}. ./scripts/up begins anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
