"""``press conformance``: what each engine of this host's agent can do, tried for real."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from press_app.cli.connection import connection_of
from press_app.cli.failures import CommandFailed
from press_app.cli.output import Json, print_json, print_table, say

SECONDS = 3600.0
FAKE, TRYTON, CONTAINED, FRAPPE = "fake", "tryton", "tryton-docker", "frappe"
ENGINES = (FAKE, TRYTON, CONTAINED, FRAPPE)
"""What the agent of this version can run, and how."""
DOCKER_URL = "PRESS_AGENT_DOCKER_URL"
DOCKER_SOCKET = "unix:///var/run/docker.sock"
NO_CODE = "Frappe comes with nobody's package: say --app frappe=URL@COMMIT"


def run_conformance(
    ctx: typer.Context,
    *,
    engine: Annotated[list[str] | None, typer.Option(help="Only this engine; may be repeated.")] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--app", metavar="APP=URL@COMMIT", help="Code for frappe, its own first; may be repeated."
        ),
    ] = None,
    agent_command: Annotated[
        str | None, typer.Option(help="How the agent is run; else `press-agent` of this installation.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try every operation of every engine and print engine × operation; exits 1 when one fails.

    Each engine is tried on a bench of its own on this host, which is removed again.
    """
    command = shlex.split(agent_command) if agent_command else [sys.executable, "-m", "agent.cli"]
    environment = _read_environment(connection_of(ctx).state_dir / "env" / "agent.env")
    code = [part for text in sources or () for part in ("--app", text)]
    left_out = {} if engine else _find_reasons(environment, has_code=bool(code))
    wanted = [name for name in engine or ENGINES if name not in left_out]
    reports = [_try(name, command, environment, code if name == FRAPPE else []) for name in wanted]
    report = {
        "ok": all(one["ok"] for one in reports),
        "engines": {name: one["operations"] for name, one in zip(wanted, reports, strict=True)},
        "not_tried": left_out | _list_reasons(wanted, reports),
        "checks": [check for one in reports for check in one["checks"]],
    }
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report["ok"]:
        raise typer.Exit(1)


def _try(engine: str, command: list[str], environment: dict[str, str], code: list[str]) -> dict[str, Any]:
    """The agent's own report on one engine: ``{engine, ok, operations, checks}``."""
    name = TRYTON if engine == CONTAINED else engine
    executor = "docker" if engine in {CONTAINED, FRAPPE} else "process"
    argv = [*command, "conformance", "--engine", name, *code, "--json"]
    environment = {**environment, "PRESS_AGENT_ENGINES": name, "PRESS_AGENT_EXECUTOR": executor}
    try:
        done = subprocess.run(
            ["/usr/bin/env", *(f"{name}={value}" for name, value in environment.items()), *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        message = f"The conformance suite gave no report on {engine} ({error}). Nothing of this platform was touched."
        raise CommandFailed(message, code="conformance_failed") from error
    return report


def _find_reasons(environment: dict[str, str], *, has_code: bool) -> dict[str, str]:
    """Why what cannot be tried here is left out; everything else is tried."""
    url = environment.get(DOCKER_URL, DOCKER_SOCKET)
    if url.startswith("unix://") and not Path(url.removeprefix("unix://")).exists():
        reason = f"there is no Docker engine at {url}"
        return {CONTAINED: reason, FRAPPE: reason}
    return {} if has_code else {FRAPPE: NO_CODE}


def _list_reasons(engines: list[str], reports: list[dict[str, Any]]) -> dict[str, str]:
    """What an engine that was tried could not be asked: ``frappe change_apps: an app is removed`` → why."""
    return {
        f"{engine} {check}": reason
        for engine, report in zip(engines, reports, strict=True)
        for check, reason in report["not_tried"].items()
    }


def _read_environment(path: Path) -> dict[str, str]:
    """Where the agent of the local installation keeps its releases, so that they are not made again; no secrets."""
    if not path.exists():
        return {}
    lines = [line.partition("=") for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = {
        "PRESS_AGENT_DATA_DIR",
        "PRESS_AGENT_IMAGES_DIR",
        "PRESS_AGENT_PYTHON",
        "PRESS_AGENT_BACKUP_STORE",
        "PRESS_AGENT_BASE_IMAGE",
        "PRESS_AGENT_DOCKER_URL",
        "PRESS_AGENT_EXTRA_CA",
        "PRESS_AGENT_MARIADB_SOCKET",
        "PRESS_AGENT_MARIADB_USER",
        "PRESS_AGENT_MARIADB_PASSWORD_FILE",
    }
    return {name: value for name, _, value in lines if name in wanted}


def _print(report: dict[str, Any]) -> None:
    engines: dict[str, dict[str, bool]] = report["engines"]
    operations = list(dict.fromkeys(name for results in engines.values() for name in results))
    words = {True: "ok", False: "FAILED", None: "not there"}
    rows = [
        {"operation": operation} | {name: words[results.get(operation)] for name, results in engines.items()}
        for operation in operations
    ]
    print_table(rows, [("operation", "operation"), *((name, name) for name in engines)])
    for name, reason in report["not_tried"].items():
        say(f"{name}: not tried, {reason}.")
    failed = [check for check in report["checks"] if not check["ok"]]
    for check in failed:
        say(f"{check['engine']} {check['operation']}: {check['check']}: {check['message']}")
