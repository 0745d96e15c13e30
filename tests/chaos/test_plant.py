"""Planted programs die exactly once, exactly where they were told to, and not at all when nobody tells them."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scripts.bringup.state import ROOT
from tests.chaos.orders import Moment, Orders, When

LEDGER = """
import sqlite3, sys
from pathlib import Path
from agent.jobs.database import Database

def write_text(database, text):
    with database.write() as connection:
        connection.execute("INSERT INTO meta VALUES (?, ?)", (text, text))

database = Database(Path(sys.argv[1]))
for text in sys.argv[2:]:
    write_text(database, text)
"""
PRESS = """
import sys
from sqlalchemy import text
from press_app.kit.db import open_database

database = open_database(f"sqlite:///{sys.argv[1]}")
with database.begin() as session:
    for statement in (
        "CREATE TABLE IF NOT EXISTS task (id TEXT, name TEXT, args TEXT)",
        "CREATE TABLE IF NOT EXISTS job (id TEXT, operation TEXT, target TEXT)",
        "CREATE TABLE IF NOT EXISTS site (id TEXT, hostname TEXT)",
        "CREATE TABLE IF NOT EXISTS meta (name TEXT)",
    ):
        session.execute(text(statement))
    session.commit()
for word in sys.argv[2:]:
    with database.begin() as session:
        session.execute(text("INSERT INTO meta VALUES (:word)"), {"word": word})
        session.commit()
"""
MINE, OTHER = "kill-00000001", "kill-00000002"


class Planted:
    """A program that commits each of its words, planted as ``agent-worker-1`` or ``press-api``."""

    def __init__(self, folder: Path, process: str, program: str) -> None:
        self.orders = Orders(folder / "orders")
        self._environment = {**os.environ, **self.orders.make(), "SUPERVISOR_PROCESS_NAME": process}
        self._program = folder / "program.py"
        # Functions of a script are nobody's; those of a module of the agent are.
        self._program.write_text(f"__name__ = 'agent.example'\n{program}", "utf-8")
        self.file = folder / "rows.sqlite"

    def run(self, *words: str) -> int:
        """Its exit status."""
        return self._run(words).returncode

    def read(self) -> str:
        """What it prints."""
        return self._run(()).stdout

    def _run(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        argv = (sys.executable, str(self._program), str(self.file), *words)
        environment = {**self._environment, "PYTHONPATH": f"{self._environment['PYTHONPATH']}:{ROOT}"}
        return subprocess.run(
            argv, env=environment, stdout=subprocess.PIPE, text=True, check=False, timeout=60
        )

    def list_words(self) -> list[str]:
        with closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute("SELECT name FROM meta WHERE name LIKE 'kill%' OR name LIKE 'x%'")
            return sorted(str(name) for (name,) in rows)


@pytest.fixture(params=["agent-worker", "press-api"])
def planted(request: pytest.FixtureRequest, tmp_path: Path) -> Planted:
    return make(str(request.param), tmp_path)


def make(kind: str, folder: Path) -> Planted:
    process, program = ("agent-worker-1", LEDGER) if kind == "agent-worker" else ("press-api", PRESS)
    return Planted(folder, process, program)


def moment_of(planted: Planted, *, time: int = 1) -> Moment:
    """What the program's own record calls its commits."""
    with planted.orders.recording("x-known") as found:
        assert planted.run("x-known") == 0
    (moment,) = {moment for moment in found if moment.is_owned}
    return Moment(moment.program, moment.name, time)


class TestKill:
    @pytest.mark.parametrize(("when", "stored"), [("before", []), ("after", [MINE])])
    def test_it_dies_around_the_commit_and_only_once(
        self, planted: Planted, when: When, stored: list[str]
    ) -> None:
        moment = moment_of(planted)
        order = planted.orders.arm(moment, when, marks=[MINE])
        assert planted.orders.find_victim(order) is None
        assert planted.run(OTHER, MINE, "x-later") == -signal.SIGKILL
        assert planted.list_words() == sorted([OTHER, *stored, "x-known"])
        assert planted.run(f"{MINE}-again") == 0
        victim = planted.orders.find_victim(order)
        assert victim is not None
        assert victim[0] in {"agent-worker-1", "press-api"}

    def test_times_are_counted_through_several_lives(self, planted: Planted) -> None:
        planted.orders.arm(moment_of(planted, time=3), "after", marks=[MINE])
        assert planted.run(MINE) == 0
        assert planted.run(f"{MINE}-2") == 0
        assert planted.run(f"{MINE}-3") == -signal.SIGKILL

    def test_what_is_disarmed_or_of_another_moment_does_nothing(self, planted: Planted) -> None:
        moment = moment_of(planted)
        planted.orders.disarm(planted.orders.arm(moment, "before", marks=[MINE]))
        other = planted.orders.arm(Moment(moment.program, "commit elsewhere"), "before", marks=[MINE])
        assert planted.run(MINE) == 0
        assert planted.orders.find_victim(other) is None


def test_a_rollback_is_no_commit(tmp_path: Path) -> None:
    planted = make("agent-worker", tmp_path)
    planted.orders.arm(moment_of(planted), "before", marks=[MINE])
    assert planted.run("x-known") == 1, "the word stands already, so nothing is written"
    assert planted.run(MINE) == -signal.SIGKILL


PUSHES = """
import json, sys
from agent.jobs.reporter import Reporter

class Record:
    params = {"hostname": "kill-00000001.localhost"}

class Ledger:
    def get_record(self, job_id):
        return Record

arrived = []

def push(body):
    arrived.append([event["seq"] for event in json.loads(body)["events"]])
    return arrived[-1][-1]

reporter = Reporter(Ledger(), push, None)
for first in (1, 3):
    events = [{"seq": seq, "job_id": "a", "kind": "job.step"} for seq in (first, first + 1)]
    try:
        reporter._push(json.dumps({"events": events}))
    except Exception as error:
        arrived.append(type(error).__name__)
print(json.dumps(arrived))
"""
STEP = """
from types import SimpleNamespace
from agent.operations.registry import OPERATIONS

context = SimpleNamespace(params=SimpleNamespace(model_dump_json=lambda: '"kill-00000001"'))
try:
    OPERATIONS["suspend_site"].steps[0].run(context)
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("action", "arrived"),
    [
        ("lose", ["PressUnreachable", [3, 4]]),
        ("lose answer", [[1, 2], "PressUnreachable", [3, 4]]),
        ("double", [[1, 2], [1, 2], [3, 4]]),
        ("turn", [[2, 1], [3, 4]]),
        ("hold", ["PressUnreachable", [3, 4], [1, 2]]),
    ],
)
def test_a_push_goes_wrong_once_and_as_ordered(tmp_path: Path, action: str, arrived: list[object]) -> None:
    planted = Planted(tmp_path, "agent-api", PUSHES)
    planted.orders.arm(Moment("agent-api", "push"), "before", marks=[MINE], action=action)
    assert json.loads(planted.read()) == arrived


def test_a_step_fails_as_ordered_and_else_runs(tmp_path: Path) -> None:
    planted = Planted(tmp_path, "agent-worker-0", STEP)
    # The real step asks for an engine, which the context of this test has not.
    assert planted.read() == "AttributeError\n"
    moment = Moment("agent-worker", "step suspend_site.look")
    planted.orders.arm(moment, "before", marks=[MINE], action="fail")
    assert planted.read() == "OSError\n"
    planted.orders.arm(moment, "before", marks=[OTHER])
    assert planted.run() == 0
    planted.orders.arm(moment, "before", marks=[MINE])
    assert planted.run() == -signal.SIGKILL
