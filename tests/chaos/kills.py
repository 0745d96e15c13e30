"""kill -9 before and after every step and every commit, and pushes that go wrong: derived, begun, looked after."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import requests

from agent.operations.base import Operation
from agent.operations.registry import OPERATIONS
from press_app.cli.failures import CommandFailed
from scripts.bringup.supervisor import RUNNING
from tests.chaos.acts import ACTS, Act, Patient, admit
from tests.chaos.cells import Cell, Ending
from tests.chaos.orders import Moment, Order, Orders, When
from tests.chaos.truth import list_broken
from tests.e2e.platform import Platform

LIMIT_SECONDS = 120.0
TIMELINE = 30
LOOK_SECONDS = 0.1
IDLE_SECONDS = 13.0
"""Longer than twice the longest pause of what ticks by itself: what ticks is seen twice."""
SETTLE_SECONDS = 6.0
"""What an operation leaves to do is done after so long."""
KILL = "kill -9"
UNREACHED = "The moment was not reached"
PUSHES: Mapping[str, str] = {
    "lose": "request lost",
    "lose answer": "answer lost",
    "double": "doubled",
    "turn": "events turned round",
    "hold": "overtaken by the next",
}
UNSTEADY = (CommandFailed, requests.RequestException, LookupError, AssertionError)
"""What asking a hurt platform may raise; it is asked again."""


@dataclass(frozen=True)
class Fault:
    """One cell with what has to be armed for it."""

    cell: Cell
    moment: Moment
    when: When
    action: str = "kill"
    failing: Moment | None = None
    """A step that has to fail first, so that the operation goes back."""


@dataclass(frozen=True)
class Record:
    """What a run of each act came to, without any fault."""

    moments: Mapping[str, Counter[Moment]]
    idle: Counter[Moment]


# Deriving


def record(orders: Orders, platform: Platform, *, rounds: int) -> Record:
    """Play every act ``rounds`` times on a tenant of its own; what not every run came to is chance and left out."""
    moments: dict[str, Counter[Moment]] = {}
    for _ in range(rounds):
        patient = admit(platform)
        for act in ACTS:
            with orders.recording(*patient.marks) as found:
                begin = time.monotonic()
                broken = play(patient, act)
                time.sleep(max(0.0, SETTLE_SECONDS - (time.monotonic() - begin)) if rounds > 1 else 0.0)
            if broken:
                raise CommandFailed(f"Without any fault {act.name} does not end: {broken}")
            moments[act.name] = moments[act.name] & found if act.name in moments else found
    with orders.recording("nobody-at-all") as idle:
        time.sleep(IDLE_SECONDS)
    return Record(moments, idle)


def list_faults(found: Record) -> Iterator[Fault]:
    """Every step of the agent's operations that an act leads to, every commit, every push."""
    for act in ACTS:
        seen = found.moments[act.name]
        for operation in list_operations(seen):
            yield from list_step_faults(act.name, operation)
        for moment in spread(seen):
            if moment.name.startswith("commit") and (moment.is_owned or found.idle[moment] != 1):
                yield from kill_around(act.name, moment)
        yield from list_push_faults(act.name, seen)
    for moment, times in sorted(found.idle.items()):
        if times > 1:
            yield from kill_around("backup", Moment(moment.program, moment.name, 1, is_owned=False))


def list_operations(seen: Iterable[Moment]) -> list[Operation[Any]]:
    """The agent's operations of which a step was seen; their steps are read from the registry."""
    names = {moment.name.split()[1].partition(".")[0] for moment in seen if moment.name.startswith("step ")}
    return [OPERATIONS[name] for name in sorted(names)]


def list_step_faults(act: str, operation: Operation[Any]) -> Iterator[Fault]:
    """Before and after each step, and before and after each way back once a later step has failed."""
    steps = [Moment("agent-worker", f"step {operation.name}.{step.key}") for step in operation.steps]
    for moment in steps:
        yield from kill_around(act, moment)
    reversible = [step for step in operation.steps if not step.irreversible and not step.patience_seconds]
    failing = Moment("agent-worker", f"step {operation.name}.{reversible[-1].key}")
    for step in reversible:
        if step.undo is not None and act not in {"backup", "restore"}:
            moment = Moment("agent-worker", f"undo {operation.name}.{step.key}")
            yield from kill_around(act, moment, failing)


def spread(seen: Counter[Moment]) -> Iterator[Moment]:
    """Each time that a moment is reached is a moment of its own; what is nobody's is meant once."""
    for moment, times in sorted(seen.items()):
        for time_ in range(1, times + 1 if moment.is_owned else 2):
            yield Moment(moment.program, moment.name, time_, moment.is_owned)


def kill_around(act: str, moment: Moment, failing: Moment | None = None) -> Iterator[Fault]:
    for when in get_args(When):
        yield Fault(Cell(act, moment.describe(when), KILL), moment, when, failing=failing)


def list_push_faults(act: str, seen: Iterable[Moment]) -> Iterator[Fault]:
    names = sorted({moment.name for moment in seen if moment.name.startswith("push ")})
    for moment in (Moment("agent-api", name) for name in names):
        yield from kill_around(act, moment)
        for action, fault in PUSHES.items():
            yield Fault(Cell(act, str(moment).format("at"), fault), moment, "before", action)


# Playing


def hurt(orders: Orders, patient: Patient, act: Act, fault: Fault) -> Ending:
    """Arm the fault, begin the act, and wait until it was hurt and has come to its wanted end."""
    first = fault.failing
    begun = time.time()
    armed = [orders.arm(first, "before", marks=patient.marks, action="fail")] if first else []
    armed.append(orders.arm(fault.moment, fault.when, marks=patient.marks, action=fault.action))
    broken = play(patient, act, orders, armed[-1])
    ended = time.time()
    victim = orders.find_victim(armed[-1])
    for order in armed:
        orders.disarm(order)
    if victim is None:
        broken = [f"{UNREACHED} within {ended - begun:.0f} s.", *broken]
    timeline = tell_timeline(patient) if broken else ()
    return Ending(fault.cell, round(ended - (victim[1] if victim else begun), 2), tuple(broken), timeline)


def play(patient: Patient, act: Act, orders: Orders | None = None, order: Order | None = None) -> list[str]:
    """One act to its wanted end; a sentence for everything that is still wrong when the time is over."""
    patient.history.append(act.name)
    deadline = time.monotonic() + LIMIT_SECONDS
    act.begin(patient)
    wrong = [f"{act.name} has not come to its wanted end."]
    while time.monotonic() < deadline:
        if order is None or orders is None or (victim := orders.find_victim(order)) is None:
            is_struck = order is None
        else:
            is_struck = patient.tenant.platform.status_of(victim[0]).state == RUNNING
        try:
            if is_struck and act.is_done(patient):
                wrong = list_wrong(patient)
                if not wrong:
                    return []
        except UNSTEADY as error:
            wrong = [f"{act.name} has not come to its wanted end: {error}"]
        time.sleep(LOOK_SECONDS)
    return wrong


def list_wrong(patient: Patient) -> list[str]:
    """The broken promises that speak of this tenant; what concerns all is looked at when all have come to rest."""
    marks = patient.marks
    broken = list_broken(patient.tenant.platform, [patient.tenant])
    return [text for text in broken if any(mark in text for mark in marks)]


def tell_timeline(patient: Patient) -> tuple[str, ...]:
    """The newest that the platform says of the site, oldest first."""
    done = (f"Done to it: {', '.join(patient.history)}.",)
    try:
        items = patient.tenant.platform.api.get(f"{patient.site_path}/timeline", limit=TIMELINE)["items"]
    except UNSTEADY as error:
        return (*done, f"Its timeline cannot be read: {error}")
    return (*done, *(f"{item['at']} {item['kind']}: {item['message']}" for item in reversed(items)))


def is_unreached(ending: Ending) -> bool:
    return any(text.startswith(UNREACHED) for text in ending.broken)
