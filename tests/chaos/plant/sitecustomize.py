"""Python loads this in every program of a platform under test: it reaches the moments at which a program can be hurt.

Most programs are forked from their supervisor, which has loaded it for them.

The product has no hook for it. The folder of this file stands on ``PYTHONPATH`` of the platform; when one of the
modules in ``PLANTS`` is imported, its steps, commits and pushes are wrapped. A wrapped moment looks into a folder of
its program: it is empty unless somebody armed an order or asks for a record, and then nothing else happens.

An order is a file; whoever renames it has it, so it is carried out once, however many threads and lives the program
has. It names a moment (``commit store.claim``), before or after it, the how-manieth time, and the tenant whom it must
concern. Whom a commit concerns is told by what it writes: the text of its statements, and the rows behind the ids in
them (a task names a job, a job a site). A commit that names no tenant is nobody's: an order without a tenant means those.
"""

import functools
import importlib.abc
import importlib.machinery
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

ORDERS = "CHAOS_ORDERS"
TENANT = re.compile(r"kill-[0-9a-f]{8}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OURS = ("press_app.", "agent.", "billing_bridge.")
BORDERS = ("press_app.work.unit_of_work", "press_app.kit.db", "agent.jobs.database")
"""Modules through which everything is committed: who called them is the moment's name."""
WRAPPERS = ("Ledger.changing",)
MOST_IDS = 200


class Place(NamedTuple):
    """Where a program's orders lie."""

    program: str
    here: Path
    record: Path
    done: Path


def find_place() -> Place:
    """Where this program's orders lie."""
    return _find_place(os.getpid())


@functools.cache
def _find_place(_pid: int) -> Place:
    """By process: a program is forked from its supervisor, which has loaded this and has another name."""
    program = os.environ.get("SUPERVISOR_PROCESS_NAME", "none")
    folder = Path(os.environ[ORDERS])
    return Place(program, folder / program, folder / program / "record", folder / "done" / program)


def is_armed() -> bool:
    """Whether there is an order or a wish for a record; the only cost of a moment when there is none."""
    try:
        return bool(os.listdir(find_place().here))  # noqa: PTH208 - the quickest way to ask.
    except FileNotFoundError:
        return False  # A program that nobody hurts.


def reach(moment: str, when: str, text: str) -> str:
    """Tell that a moment has come; kills this program when it is ordered to, else says what to do."""
    tenant = TENANT.search(text)
    if when == "before" and find_place().record.exists():
        _write_down(moment, text, is_somebodys=tenant is not None)
    for path in find_place().here.glob("*.order"):
        try:
            order = json.loads(path.read_text("utf-8"))
        except OSError:
            continue  # Another thread was faster.
        is_meant = order["moment"] == moment and order["when"] == when
        if is_meant and (not order["marks"] or any(mark in text for mark in order["marks"])) and _take(path):
            if order["action"] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            return str(order["action"])
    return ""


def _take(path: Path) -> bool:
    """Count down ``<id>.<times>.order``; True for the one who came last, and nobody else ever."""
    name, times, _ = path.name.split(".")
    left, place = int(times) - 1, find_place()
    try:
        path.rename(path.with_name(f"{name}.{left}.order") if left else place.done / name)
    except OSError:
        return False
    if left == 0:
        (place.done / name).write_text(place.program, "utf-8")
    return left == 0


def _write_down(moment: str, text: str, *, is_somebodys: bool) -> None:
    marks = json.loads(find_place().record.read_text("utf-8"))
    is_mine = any(mark in text for mark in marks)
    if is_mine or not is_somebodys:
        line = json.dumps({"moment": moment, "whose": "mine" if is_mine else "nobody"})
        with (find_place().done / "record").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def name_caller() -> str:
    """``service.accept``: the function of ours that commits, by the last part of its module."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        name = frame.f_code.co_qualname
        if module.startswith(OURS) and module not in BORDERS and name not in WRAPPERS:
            return f"{module.rpartition('.')[2]}.{name.replace('.<locals>', '')}"
        frame = frame.f_back
    return "?"


def find_context(name: str) -> str:
    """What the program's log lines carry: ``task``, ``operation``."""
    structlog = sys.modules.get("structlog")
    return str(structlog.contextvars.get_contextvars().get(name, "")) if structlog else ""


# Commits of the control plane and the bridge


def plant_sqlalchemy(_module: ModuleType) -> None:
    """Every commit that goes through SQLAlchemy and wrote something."""
    from sqlalchemy import Engine
    from sqlalchemy.engine.default import DefaultDialect
    from sqlalchemy.event import listens_for

    @listens_for(Engine, "begin")
    def note_begin(connection: Any) -> None:
        connection.info["chaos"] = Said() if is_armed() else None
        connection.info["chaos_before"] = _count_changes(connection.connection)

    @listens_for(Engine, "before_cursor_execute")
    def note_statement(connection: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        said = connection.info.get("chaos")
        if said is not None:
            said.add(statement, given)

    commit: Callable[[Any, Any], None] = DefaultDialect.do_commit

    @functools.wraps(commit)
    def do_commit(self: Any, connection: Any) -> None:
        said = connection.info.get("chaos")
        if said is None or _count_changes(connection) == connection.info["chaos_before"]:
            commit(self, connection)
            return
        text, kind = _tell(connection.driver_connection, said)
        caller = name_caller()
        # What a claim is about stands in the row that it claims; what runs has its name in the context.
        known = kind if caller.startswith(("runner.Runner._claim", "store.InboxStore.")) else ""
        moment = " ".join(filter(None, ("commit", caller, find_context("task") or known)))
        reach(moment, "before", text)
        commit(self, connection)
        reach(moment, "after", text)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _count_changes(connection: Any) -> int:
    return int(getattr(connection.driver_connection, "total_changes", -1))


class Said:
    """What a transaction has said so far."""

    def __init__(self) -> None:
        self.text = ""
        self.numbers = [0]
        """Numbers among what was given; the highest is the id of a row of the inbox, where one is named."""

    def add(self, statement: str, given: Any) -> None:
        self.text += f"\n{statement}"
        for value in given if isinstance(given, tuple) else [given]:
            if type(value) is int:
                self.numbers.append(value)
            # The driver's wrapper of bytes prints as its address.
            self.text += f" {value.tobytes() if isinstance(value, memoryview) else value!r}"


def _tell(driver: Any, said: Said) -> tuple[str, str]:
    """The text with the rows behind its ids, and what kind of task or event it is about, where there is one."""
    text, kind = said.text, ""
    if "billing_bridge.db" in sys.modules:
        rows = _look_up(driver, "inbox", "webhook_type, body", [max(said.numbers)]) if "inbox" in text else []
        return text + "".join(map(repr, rows)), "".join(str(row[0]) for row in rows)
    for _ in range(3):
        ids = sorted(set(UUID.findall(text)))[:MOST_IDS]
        tasks = _look_up(driver, "task", "name, args", ids)
        kind = kind or (str(tasks[0][0]) if len(tasks) == 1 else "")
        rows = [
            *tasks,
            *_look_up(driver, "job", "operation, target", ids),
            *_look_up(driver, "site", "id, hostname", ids),
        ]
        text += "".join(f"\n{row!r}" for row in rows if f"\n{row!r}" not in text)
    return text, kind


def _look_up(driver: Any, table: str, columns: str, ids: Sequence[object]) -> list[Any]:
    places = ",".join("?" * len(ids))
    rows: list[Any] = driver.execute(f"SELECT {columns} FROM {table} WHERE id IN ({places})", ids).fetchall()
    return rows


# Commits, steps and pushes of the agent


def plant_ledger(module: ModuleType) -> None:
    """Every write of the agent's ledger."""
    write = module.Database.write

    @contextmanager
    def planted(self: Any) -> Iterator[Any]:
        if not is_armed():
            with write(self) as connection:
                yield connection
            return
        said: list[str] = []
        moment = " ".join(filter(None, ("commit", name_caller(), find_context("operation"))))
        with write(self) as connection:
            before = connection.total_changes
            connection.set_trace_callback(said.append)
            try:
                yield connection
            finally:
                connection.set_trace_callback(None)
            has_written = connection.total_changes != before
            text = "\n".join(said)
            if has_written:
                reach(moment, "before", text)
        if has_written:
            reach(moment, "after", text)

    module.Database.write = planted


def plant_steps(module: ModuleType) -> None:
    """Every step of every operation, and every way back."""

    def plant(moment: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(function)
        def planted(context: Any) -> Any:
            if not is_armed():
                return function(context)
            text = context.params.model_dump_json()
            if reach(moment, "before", text) == "fail":
                raise OSError(5, "ordered to fail")
            result = function(context)
            reach(moment, "after", text)
            return result

        return planted

    for name, operation in module.OPERATIONS.items():
        steps = tuple(
            replace(
                step,
                run=plant(f"step {name}.{step.key}", step.run),
                undo=step.undo and plant(f"undo {name}.{step.key}", step.undo),
            )
            for step in operation.steps
        )
        module.OPERATIONS[name] = replace(operation, steps=steps)


def plant_pushes(module: ModuleType) -> None:
    """Every push of results to the control plane: killed, lost, doubled, turned round, overtaken."""
    start = module.Reporter.__init__

    @functools.wraps(start)
    def planted(self: Any, ledger: Any, push: Callable[[str], int], doorbell: Any) -> None:
        start(self, ledger, Pusher(push, ledger), doorbell)

    module.Reporter.__init__ = planted


class Pusher:
    """Pushes as ordered; ``held`` is a body that arrives late."""

    def __init__(self, push: Callable[[str], int], ledger: Any) -> None:
        self._push = push
        self._ledger = ledger
        self._held = ""

    def __call__(self, body: str) -> int:
        if not is_armed() and not self._held:
            return self._push(body)
        jobs = {event["job_id"] for event in json.loads(body)["events"]}
        # An event names its target only; whose it is stands in what the job was asked with.
        text = body + "".join(json.dumps(self._ledger.get_record(job).params) for job in sorted(jobs))
        moments = ("push", "push of an end") if '"job.finished"' in body else ("push",)
        actions = [reach(moment, "before", text) for moment in moments]
        heard = self._act(next(filter(None, actions), ""), body)
        for moment in moments:
            reach(moment, "after", text)
        return heard

    def _act(self, action: str, body: str) -> int:
        from agent.press_client import PressUnreachable

        if action == "hold":
            self._held = body
        if action in {"lose", "hold"}:
            raise PressUnreachable("ordered to lose the request")
        heard = self._push(turn_round(body) if action == "turn" else body)
        if action == "lose answer":
            raise PressUnreachable("ordered to lose the answer")
        late, self._held = (body if action == "double" else self._held), ""
        if late:
            self._push(late)
        return heard


def turn_round(body: str) -> str:
    page = json.loads(body)
    page["events"].reverse()
    return json.dumps(page)


PLANTS: dict[str, Callable[[ModuleType], None]] = {
    "press_app.kit.db": plant_sqlalchemy,
    "billing_bridge.db": plant_sqlalchemy,
    "agent.jobs.database": plant_ledger,
    "agent.operations.registry": plant_steps,
    "agent.jobs.reporter": plant_pushes,
}


class Gardener(importlib.abc.MetaPathFinder):
    """Lets Python find a module as always, and plants into it when it has run."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        plant = PLANTS.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path) if plant else None
        if plant is None or spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            plant(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if ORDERS in os.environ:
    # Tenants that come and go all the time are no accident; the guard has tests of its own.
    os.environ["PRESS_TERMINATION_LIMIT"] = "1000000"
    # Whether a spare stands when a tenant comes is chance, and with it which moments a create comes to.
    os.environ |= {"PRESS_SPARES_MIN": "0", "PRESS_SPARES_MAX": "0"}
    sys.meta_path.insert(0, Gardener())
