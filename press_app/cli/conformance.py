"""``press conformance``: what each engine of this host's agent can do, tried for real."""

import json
import shlex
import subprocess
import sys
from typing import Annotated, Any

import typer

from press_app.cli.failures import CommandFailed
from press_app.cli.output import Json, print_json, print_table, say

SECONDS = 3600.0


def run_conformance(
    *,
    engine: Annotated[list[str] | None, typer.Option(help="Only this engine; may be repeated.")] = None,
    agent_command: Annotated[
        str | None, typer.Option(help="How the agent is run; else `press-agent` of this installation.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try every operation of every engine and print engine × operation; exits 1 when one fails."""
    argv = shlex.split(agent_command) if agent_command else [sys.executable, "-m", "agent.cli"]
    argv += ["conformance", "--json", *(part for name in engine or [] for part in ("--engine", name))]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, timeout=SECONDS)
        report: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        message = (
            f"The agent's conformance suite gave no report ({error}). Nothing of this platform was touched."
        )
        raise CommandFailed(message, code="conformance_failed") from error
    if as_json:
        print_json(report)
    else:
        _print(report)
    if done.returncode != 0:
        raise typer.Exit(1)


def _print(report: dict[str, Any]) -> None:
    engines: dict[str, dict[str, Any]] = report.get("engines", {})
    operations = list(dict.fromkeys(name for results in engines.values() for name in results))
    rows = [
        {"operation": operation} | {name: _cell(results.get(operation)) for name, results in engines.items()}
        for operation in operations
    ]
    if rows:
        print_table(rows, [("operation", "operation"), *((name, name) for name in engines)])
    else:
        say("The agent offers no engine.")


def _cell(result: object) -> object:
    return result.get("status") or result.get("result") if isinstance(result, dict) else result
