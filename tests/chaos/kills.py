"""kill -9 before and after every step and every commit, and pushes that go wrong: derived, begun, looked after."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import requests

from agent.operations.base import Operation
from agent.operations.registry import OPERATIONS
from press_app.bootstrap import TASKS
from press_app.cli.failures import CommandFailed
from scripts.bringup.supervisor import RUNNING
from tests.chaos.acts import ACTS, TAKE, Act, Patient, admit
from tests.chaos.cells import Cell, Ending
from tests.chaos.orders import Moment, Orders, When
from tests.chaos.truth import list_broken
from tests.e2e.platform import Platform
from tests.factories.processes import wait_until

LIMIT_SECONDS = 120.0
"""For coming to the moment of a fault, and once more, after it, for coming to the wanted end."""
TIMELINE = 30
LOOK_SECONDS = 0.3
MOST_SECONDS = 1.0
"""Longest pause between two looks; tenants that are looked at all the time would be what is measured."""
RARE_SECONDS = 3.0
"""How often a platform that was not hurt yet is asked; so many questions would be a load of their own."""
UNREACHED_SECONDS = 35.0
"""After the wanted end, for what ticks: longer than its longest pause, the beat of the clock."""
IDLE_SECONDS = 6.5
"""What ticks every few seconds is seen twice in it."""
SETTLE_SECONDS = 4.0
"""What an operation leaves to do is done after so long."""
MANY_TIMES = 8
"""An API that commits so often in one act does it twice at least, however busy it is."""
KILL = "kill -9"
BY_CLOCK = frozenset(task.name for task in TASKS.values() if task.schedule) | {"job.listen", "measure_usage"}
"""Tasks and operations that an act meets by chance; listening and measuring follow ticks."""
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


FindVictim = Callable[[], tuple[str, float] | None]


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


def record(orders: Orders, platform: Platform, *, rounds: int, acts: Sequence[Act] = ACTS) -> Record:
    """Play every act ``rounds`` times on a tenant of its own; what not every run came to is chance and left out."""
    moments: dict[str, Counter[Moment]] = {}
    for _ in range(rounds):
        patient = admit(platform)
        for act in acts:
            with orders.recording(*patient.marks) as found:
                act.begin(patient)
                wait_until(partial(is_done, patient, act), seconds=LIMIT_SECONDS, what=act.name)
                time.sleep(SETTLE_SECONDS if rounds > 1 else 0.0)
            if act.leaves_open and not patient.has_data():
                raise CommandFailed(f"Without any fault the data are not there after {act.name}.")
            moments[act.name] = moments[act.name] & found if act.name in moments else found
    with orders.recording("nobody-at-all") as idle:
        time.sleep(IDLE_SECONDS * rounds)
    return Record(moments, idle)


def list_faults(found: Record, acts: Sequence[Act] = ACTS) -> Iterator[Fault]:
    """Every step of the agent's operations that an act leads to, every commit, every push."""
    for act in acts:
        seen = found.moments[act.name]
        for operation in list_operations(seen):
            yield from list_step_faults(act.name, operation)
        for moment in spread(seen):
            if moment.name.startswith("commit") and is_sure(moment, found.idle):
                yield from kill_around(act.name, moment)
        yield from list_push_faults(act.name, seen)
        if act is TAKE:
            yield from list_spare_faults()
    for moment, times in sorted(found.idle.items()):
        if times > 1:
            meanwhile = next((act.name for act in acts if act.name == "backup"), acts[0].name)
            yield from kill_around(meanwhile, Moment(moment.program, moment.name, 1, is_owned=False))


def list_spare_faults() -> Iterator[Fault]:
    """What is taken is replaced: the spare that comes next is hurt while it is made, whoever gets it."""
    for step in OPERATIONS["prepare_site"].steps:
        moment = Moment("agent-worker", f"step prepare_site.{step.key}", 1, is_owned=False)
        yield from kill_around(TAKE.name, moment)


def list_operations(seen: Iterable[Moment]) -> list[Operation[Any]]:
    """The agent's operations of which a step was seen; their steps are read from the registry."""
    names = {moment.name.split()[1].partition(".")[0] for moment in seen if moment.name.startswith("step ")}
    return [OPERATIONS[name] for name in sorted(names - BY_CLOCK)]


def list_step_faults(act: str, operation: Operation[Any]) -> Iterator[Fault]:
    """Before and after each step, and before and after each way back once a later step has failed."""
    steps = [Moment("agent-worker", f"step {operation.name}.{step.key}") for step in operation.steps]
    for moment in steps:
        yield from kill_around(act, moment)
    reversible = [step for step in operation.steps if not step.irreversible and not step.patience_seconds]
    failing = Moment("agent-worker", f"step {operation.name}.{reversible[-1].key}")
    for step in reversible:
        if step.undo is not None and act not in {"backup", "restore", "settings"}:
            moment = Moment("agent-worker", f"undo {operation.name}.{step.key}")
            yield from kill_around(act, moment, failing)


def is_sure(moment: Moment, idle: Counter[Moment]) -> bool:
    """Whether it comes with the act by itself: no tick does, nor what follows one; they are hurt once, on their own."""
    if moment.name.rpartition(" ")[2] in BY_CLOCK or idle[moment]:
        return False
    is_by_clock = moment.program == "bridge-worker" or moment.name.startswith("commit ticker.")
    return moment.is_owned or not is_by_clock


def spread(seen: Counter[Moment]) -> Iterator[Moment]:
    """Each time that a moment is reached is a moment of its own; what is nobody's is meant once.

    How often an API commits depends on how events happen to come together: there a second time stands for all others.
    """
    for moment, times in sorted(seen.items()):
        last = times if moment.is_owned else 1
        if moment.program.endswith("-api"):
            last = 2 if last >= MANY_TIMES else 1
        for time_ in range(1, last + 1):
            yield Moment(moment.program, moment.name, time_, moment.is_owned)


def kill_around(act: str, moment: Moment, failing: Moment | None = None) -> Iterator[Fault]:
    for when in get_args(When):
        yield Fault(Cell(act, moment.describe(when), KILL), moment, when, failing=failing)


def list_push_faults(act: str, seen: Iterable[Moment]) -> Iterator[Fault]:
    names = sorted({moment.name for moment in seen if moment.name.startswith("push")})
    for moment in (Moment("agent-api", name) for name in names):
        yield from kill_around(act, moment)
        for action, fault in PUSHES.items():
            yield Fault(Cell(act, str(moment).format("at"), fault), moment, "before", action)


# Playing


def hurt(orders: Orders, patient: Patient, act: Act, fault: Fault) -> Ending:
    """Arm the fault, begin the act, and wait until it was hurt and has come to its wanted end."""
    first = fault.failing
    armed = [orders.arm(first, "before", marks=patient.marks, action="fail")] if first else []
    armed.append(orders.arm(fault.moment, fault.when, marks=patient.marks, action=fault.action))
    begun = time.time()
    broken = play(patient, act, lambda: orders.find_victim(armed[-1]))
    ended = time.time()
    victim = orders.find_victim(armed[-1])
    for order in armed:
        orders.disarm(order)
    timeline = tell_timeline(patient) if broken else ()
    return Ending(fault.cell, round(ended - (victim[1] if victim else begun), 2), tuple(broken), timeline)


def play(patient: Patient, act: Act, find_victim: FindVictim | None = None) -> list[str]:
    """One act to its wanted end; a sentence for everything that is still wrong when the time is over."""
    patient.history.append(act.name)
    try:
        act.begin(patient)
    except UNSTEADY as error:
        return [f"{act.name} could not be begun: {error}"]
    wrong = wait_struck(patient, act, find_victim, time.monotonic() + LIMIT_SECONDS) if find_victim else []
    if wrong:
        return wrong
    deadline, pause = time.monotonic() + LIMIT_SECONDS, LOOK_SECONDS
    while True:
        try:
            wrong = [f"{act.name} has not come to its wanted end."]
            if act.is_done(patient):
                wrong = list_wrong(patient)
            if not wrong and act.leaves_open and not patient.has_data():
                wrong = [f"The data are not there after {act.name}."]
        except UNSTEADY as error:
            wrong = [f"{act.name} has not come to its wanted end: {error}"]
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(pause)
        pause = min(pause * 1.3, MOST_SECONDS)


def wait_struck(patient: Patient, act: Act, find_victim: FindVictim, deadline: float) -> list[str]:
    """Until somebody was hurt and runs again; wrong when all is done and nobody was."""
    done_at: float | None = None
    look_at = time.monotonic() + RARE_SECONDS
    while (victim := find_victim()) is None:
        now = time.monotonic()
        if now > look_at:
            look_at = now + RARE_SECONDS
            done_at = (done_at or now) if is_done(patient, act) else None
        if now > deadline or (done_at is not None and now - done_at > UNREACHED_SECONDS):
            return [f"{UNREACHED}; {act.name} {'went well' if done_at else 'did not end'} without it."]
        time.sleep(LOOK_SECONDS)
    while not does_run(patient.tenant.platform, victim[0]):
        if time.monotonic() > deadline:
            return [f"{victim[0]} does not run again."]
        time.sleep(LOOK_SECONDS)
    return []


def does_run(platform: Platform, program: str) -> bool:
    """Whether its supervisor says so; one that says nothing at this moment is asked again."""
    try:
        return platform.status_of(program).state == RUNNING
    except LookupError:
        return False


def is_done(patient: Patient, act: Act) -> bool:
    try:
        return act.is_done(patient)
    except UNSTEADY:
        return False


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
