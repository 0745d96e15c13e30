"""``python -m scripts.testing [pytest arguments]``: the Python half of ``scripts/test``."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from scripts.bringup.state import ROOT
from scripts.testing.groups import GROUPS, VARIABLE
from scripts.testing.mariadb import MariaDBFailed, environment, find_programs, run_mariadb
from scripts.testing.summary import last_of_each, list_holes, list_unsteady, read_outcomes, summarise

STATE = ROOT / "var" / "test"
WORKERS = "2"
SERIAL = "platform or browser or docker"
FAILED = 1
NO_TESTS = 5
REQUIRE = "PRESS_TEST_REQUIRE"
PLATFORM = "PRESS_TEST_PLATFORM"
"""Names the ``up.json`` of a running platform, for tests that need one."""


def main(arguments: list[str]) -> int:
    STATE.mkdir(parents=True, exist_ok=True)
    outcomes = STATE / "outcomes.jsonl"
    outcomes.unlink(missing_ok=True)
    with ExitStack() as stack:
        variables = {VARIABLE: str(outcomes), **environment(_start_mariadb(stack))}
        codes = [run_pytest(arguments, variables)] if arguments else run_all(variables)
    every = read_outcomes(outcomes)
    found = last_of_each(every)
    print("\n".join(["", *(f"  unsteady: {test}" for test in list_unsteady(every)), *summarise(found)]))
    holes = list_holes(found, _required())
    for hole in holes:
        print(f"test: a group that must run here did not: {hole}", file=sys.stderr)
    return 1 if holes else next((code for code in codes if code not in {0, NO_TESTS}), 0)


def run_all(variables: Mapping[str, str]) -> list[int]:
    """Everything: what stands alone on two workers, then what needs the whole platform, one by one."""
    codes = [run_group(f"not ({SERIAL})", variables, "-n", WORKERS)]
    if _has_tests(SERIAL, variables):
        with _platform() as record:
            codes.append(run_group(SERIAL, {**variables, **record}))
    return codes


def run_group(markers: str, variables: Mapping[str, str], *options: str) -> int:
    """The tests of these markers. What failed runs once more, alone: a loaded machine must not decide, and it is told."""
    code = run_pytest([*options, "-m", markers], variables)
    if code != FAILED:
        return code
    print("test: what failed runs once more, one by one", flush=True)
    return run_pytest(["--last-failed", "--last-failed-no-failures", "none", "-m", markers], variables)


def run_pytest(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", "-p", "scripts.testing.groups", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False).returncode


def _has_tests(markers: str, variables: Mapping[str, str]) -> bool:
    quiet = {**variables, VARIABLE: ""}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", markers]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **quiet}, check=False, capture_output=True)
    return done.returncode != NO_TESTS


def _start_mariadb(stack: ExitStack) -> str | None:
    given = os.environ.get("PRESS_TEST_MARIADB_URL")
    if given or find_programs() is None:
        return given
    try:
        return stack.enter_context(run_mariadb(STATE / "mariadb"))
    except MariaDBFailed as error:
        print(f"test: MariaDB did not start, its tests are skipped:\n{error}", file=sys.stderr)
        return None


@contextmanager
def _platform() -> Iterator[dict[str, str]]:
    """A platform of its own for the tests; a failing start is told and those tests say what they miss."""
    given = os.environ.get(PLATFORM)
    if given:
        yield {PLATFORM: given}
        return
    state = STATE / "platform"
    up = [sys.executable, "-m", "scripts.bringup", "--state", str(state)]
    subprocess.run([*up, "--reset", "--yes"], cwd=ROOT, check=False, capture_output=True)
    try:
        started = subprocess.run([*up, "--no-demo"], cwd=ROOT, check=False).returncode == 0
        yield {PLATFORM: str(state / "up.json")} if started else {}
    finally:
        subprocess.run([*up, "--down"], cwd=ROOT, check=False, capture_output=True)


def _required() -> list[str]:
    """Groups named in the environment, separated by blanks. Raises SystemExit for one that does not exist."""
    names = os.environ.get(REQUIRE, "").split()
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        sys.exit(f"test: {REQUIRE} names {', '.join(unknown)}; groups are {', '.join(GROUPS)}")
    return names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
