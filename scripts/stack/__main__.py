"""``python -m scripts.stack``: the Python half of ``scripts/init.sh``."""

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource
from rich.console import Console

from agent.errors import AgentError
from scripts.bringup.engines import ENGINES
from scripts.bringup.journal import Journal
from scripts.bringup.state import ROOT
from scripts.stack import checks
from scripts.stack.answers import QUESTIONS, raise_for, read_stack
from scripts.stack.bringup import Workshop, build_images
from scripts.stack.compose import FOLDER, find_compose
from scripts.stack.edge import LOCAL
from scripts.stack.engines import settle_engine
from scripts.stack.errors import StackError
from scripts.stack.secrets import DNS_TOKEN, LAGO_KEYS, OPERATOR_PASSWORD, OPERATOR_TOKEN, Secrets
from scripts.stack.settings import Stack

GIVEN = {
    "dns_token_file": DNS_TOKEN,
    "lago_key_file": LAGO_KEYS[0],
    "lago_hmac_key_file": LAGO_KEYS[1],
}
"""Flags that name a file with a secret that only others can make."""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="init.sh",
        description="Make a stack of containers from four answers, and start it. Run it again at any time: it keeps what is "
        "there and goes on where it stopped. What is not answered by a flag, the environment (STACK_DOMAIN, …) or "
        "compose/.env is asked.",
    )
    for question in QUESTIONS:
        parser.add_argument(f"--{question.option.replace('_', '-')}", help=question.text)
    for flag in GIVEN:
        parser.add_argument(
            f"--{flag.replace('_', '-')}", type=Path, metavar="FILE", help="a secret that others made"
        )
    parser.add_argument("--engine", choices=ENGINES, help="the ERP of a new stack (tryton)")
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="APP=URL@BRANCH",
        help="with --engine frappe: code of an app, frappe's own first; may be repeated (frappe and erpnext, version-15)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another option of compose/.env.example",
    )
    parser.add_argument(
        "--env-file", type=Path, default=FOLDER / ".env", help="what it writes (compose/.env)"
    )
    parser.add_argument("--no-start", action="store_true", help="only configure and build")
    parser.add_argument("--down", action="store_true", help="stop everything; data stays")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    console = Console(stderr=True, soft_wrap=True)
    try:
        run(options, console)
    except StackError as error:
        if error.log:
            console.print(error.log, style="dim", markup=False, highlight=False)
        console.print(f"init.sh: {error.message}", markup=False, highlight=False)
        return 1
    except AgentError as error:
        console.print(f"init.sh: {error.message}", markup=False, highlight=False)
        return 1
    except OSError as error:
        console.print(f"init.sh: the machine refused: {error}; mend that and run it again.", markup=False)
        return 1
    return 0


def run(options: argparse.Namespace, console: Console) -> None:
    """Raises :class:`StackError`."""
    flags = {question.option: getattr(options, question.option) for question in QUESTIONS}
    stack = read_stack(options.env_file, {**flags, "engine": options.engine}, options.set, console)
    stack = choose_engine(stack, options)
    words = find_compose()
    if words is None:
        raise StackError(
            "There is no docker compose of version 2.24 or newer here. Run scripts/init.sh, which installs one."
        )
    journal = Journal(console)
    if options.down:
        with journal.step("Stop"):
            Workshop(stack, words, options.env_file, Secrets(stack.dir / "secrets"), journal).compose.run(
                "down"
            )
        return
    workshop = Workshop(stack, words, options.env_file, Secrets(stack.dir / "secrets"), journal)
    look(workshop, console)
    stack = stack.model_copy(update={"docker_gid": Path(stack.docker_socket).stat().st_gid})
    with journal.step("Build what is missing of the images", hint="some minutes on an empty engine"):
        make_base(stack)
        stack, built = build_images(stack, lambda _line: None)
    for image in built:
        if image.seconds is not None:
            console.print(
                f"  {image.tag}  {image.size_bytes / 1e6:.0f} MB  {image.seconds:.0f} s",
                style="dim",
                highlight=False,
            )
    workshop = Workshop(stack, words, options.env_file, workshop.secrets, journal)
    with journal.step("Configure"):
        workshop.configure(read_given(options))
    if not options.no_start:
        workshop.start()
    report(workshop, console)


def choose_engine(stack: Stack, options: argparse.Namespace) -> Stack:
    """Raises :class:`StackError`."""
    # What the file says, whatever the environment and the flags say.
    known = DotEnvSettingsSource(Stack, env_file=options.env_file)()
    is_made = Secrets(stack.dir / "secrets").find(OPERATOR_TOKEN) is not None
    return settle_engine(stack, options.app, known, is_made=is_made)


def look(workshop: Workshop, console: Console) -> None:
    """Everything that can be refused is refused before anything is changed. Raises :class:`StackError`."""
    stack = workshop.stack
    problem = checks.find_engine_problem(stack)
    if problem:
        raise StackError(problem)
    # Its own programs may hold the ports, and its networks the addresses.
    is_known = workshop.env_file.exists()
    if not is_known or not workshop.compose.list_made():
        raise_for(filter(None, (checks.find_network_problem(stack),)))
    if not is_known or "edge" not in workshop.compose.list_running():
        raise_for(checks.list_taken_ports(stack))
    for problem in checks.list_name_problems(stack):
        console.print(f"  note: {problem}", style="yellow", highlight=False)


def make_base(stack: Stack) -> None:
    """The base of all images, where it is not there. Raises :class:`StackError`."""
    done = subprocess.run(
        [str(ROOT / "scripts" / "make-base-image")],
        env={**os.environ, "DOCKER_HOST": f"unix://{stack.docker_socket}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError("The base image could not be made.", log=done.stderr.strip())


def read_given(options: argparse.Namespace) -> dict[str, str]:
    """Secrets that somebody else made, by the name of the file that they go to."""
    files = {name: getattr(options, flag) for flag, name in GIVEN.items()}
    return {name: path.read_text("utf-8").strip() for name, path in files.items() if path is not None}


def report(workshop: Workshop, console: Console) -> None:
    stack, secrets = workshop.stack, workshop.secrets
    say = partial(console.print, markup=False, highlight=False)
    say(f"  secrets: {len(set(secrets.made))} made, {len(secrets.kept)} kept, in {secrets.folder}")
    for path in secrets.list_missing(stack):
        say(f"  {path} is empty: put there what its program needs, then run this again", style="yellow")
    if stack.is_trial and stack.domain != LOCAL:
        say("  plain HTTP: passwords of these sites can be read on their way", style="yellow")
    say(f"API: {stack.public_url}, operator {stack.email}, password in {secrets.folder / OPERATOR_PASSWORD}")
    say(f"Command line: cd {os.path.relpath(FOLDER)} && docker compose run --rm press --help")


if __name__ == "__main__":
    sys.exit(main())
