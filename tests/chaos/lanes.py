"""Plays all faults: several tenants at a time, each through its whole life, hurt once in every operation."""

import math
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from press_app.cli.output import note
from tests.chaos.acts import ACTS, Act, Patient, admit, release_guard
from tests.chaos.cells import Cell, Ending
from tests.chaos.kills import LIMIT_SECONDS, Fault, hurt, is_unreached, list_faults, play, record
from tests.chaos.orders import PROGRAMS, Orders
from tests.chaos.truth import list_broken
from tests.e2e.platform import Platform

LANES = len(PROGRAMS)
"""One for each kind of program: two kills of one kind at a time would starve whoever waits for its next start."""
QUICK_EACH = 1
"""How many faults a quick run has of each operation, and of each program."""
ORDERS = "chaos"
"""Folder of the orders in the state folder of a planted platform."""
BY_NAME = {act.name: act for act in ACTS}


def run(
    platform: Platform,
    *,
    quick: bool,
    seconds: float = math.inf,
    is_wanted: Callable[[Cell], bool] = lambda _cell: True,
    acts: Sequence[Act] = ACTS,
) -> Iterator[Ending]:
    """Every cell of the planted platform, as they end; what concerns all tenants is looked at last.

    After ``seconds`` no more are begun; what was left out is said.
    """
    until = time.monotonic() + seconds
    orders = Orders(platform.paths.state / ORDERS)
    found = record(orders, platform, rounds=1 if quick else 2, acts=acts)
    faults = [fault for fault in list_faults(found, acts) if is_wanted(fault.cell)]
    chosen = choose(faults, time.time() // 3600) if quick else faults
    note(f"{len(chosen)} of {len(faults)} cells.")
    ward = Ward(orders, platform, chosen, until, acts)
    yield from ward.play()
    yield from ward.look_at_all()
    if ward.count_left():
        note(f"The time was over: {ward.count_left()} cells were left out.")


def choose(faults: Sequence[Fault], turn: float) -> list[Fault]:
    """Some of each operation and of each program, before and after; other ones each hour.

    First times only: they come however busy the machine is.
    """
    surest = [fault for fault in faults if fault.moment.time == 1]
    shuffled = random.Random(turn).sample(surest, len(surest))
    chosen: list[Fault] = []
    for key in (
        lambda fault: fault.cell.operation,
        lambda fault: (fault.moment.program, fault.when),
        lambda fault: fault.cell.fault,
    ):
        for fault in shuffled:
            if sum(key(other) == key(fault) for other in chosen) < QUICK_EACH and fault not in chosen:
                chosen.append(fault)
    return chosen


class Ward:
    """The faults that still have to be played, and the lanes that play them."""

    def __init__(
        self,
        orders: Orders,
        platform: Platform,
        faults: Sequence[Fault],
        until: float,
        acts: Sequence[Act] = ACTS,
    ) -> None:
        self._until = until
        self._acts = acts
        self._orders = orders
        self._platform = platform
        # Mixed, so that neighbours hurt different programs, and a run that is cut short has seen something of all.
        self._random = random.Random(len(faults))
        mixed = self._random.sample(list(faults), len(faults))
        self._waiting = {act.name: deque(f for f in mixed if f.cell.operation == act.name) for act in acts}
        self._lock = threading.Condition()
        self._hurt: set[str] = set()
        """Kinds of programs of which one is being hurt."""
        self._ended: queue.SimpleQueue[Ending | None] = queue.SimpleQueue()
        self._unreached: list[Fault] = []
        self._patients: list[Patient] = []

    def play(self) -> Iterator[Ending]:
        """All of them; those whose moment was not reached once more, one by one."""
        lanes = [threading.Thread(target=self._run_lane, daemon=True) for _ in range(LANES)]
        for lane in lanes:
            lane.start()
        for _ in lanes:
            yield from iter(self._ended.get, None)
        for fault in self._unreached:
            yield self._play_alone(fault)

    def look_at_all(self) -> Iterator[Ending]:
        """When all have come to rest: what is promised of all of them together."""
        start = time.monotonic()
        tenants = [patient.tenant for patient in self._patients]
        while broken := list_broken(self._platform, tenants):
            if time.monotonic() - start > LIMIT_SECONDS:
                break
            release_guard(self._platform)
            time.sleep(1.0)
        cell = Cell("any", f"at rest, {len(tenants)} tenants", "all of the above")
        yield Ending(cell, round(time.monotonic() - start, 2), tuple(broken))

    def _run_lane(self) -> None:
        try:
            while self.count_left() and time.monotonic() < self._until:
                self._live(self._admit())
        except Exception as error:  # noqa: BLE001 - a lane that breaks must not make the table shorter in silence
            broken = f"A lane of the kit broke: {type(error).__name__}: {error}"
            self._ended.put(Ending(Cell("any", "lane", "the kit itself"), 0.0, (broken,)))
        finally:
            self._ended.put(None)

    def count_left(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _admit(self) -> Patient:
        patient = admit(self._platform)
        with self._lock:
            self._patients.append(patient)
        return patient

    def _live(self, patient: Patient) -> None:
        """One life, as long as there is something to be hurt in it; it ends archived."""
        state = "none"
        while (act := self._choose(state, patient)) is not None:
            fault = self._take(act)
            if fault is None:
                broken = play(patient, act)
                if broken:
                    cell = Cell(act.name, "undisturbed", "others were hurt")
                    self._ended.put(Ending(cell, LIMIT_SECONDS, tuple(broken)))
            else:
                broken = self._suffer(patient, act, fault)
            if broken:
                return
            state = act.leads_to
        if state != "archived":
            patient.tenant.terminate()

    def _suffer(self, patient: Patient, act: Act, fault: Fault) -> list[str]:
        try:
            ending = hurt(self._orders, patient, act, fault)
        finally:
            self._heal(fault)
        if not is_unreached(ending):
            self._ended.put(ending)
        else:
            self._unreached.append(fault)
        return list(ending.broken)

    def _choose(self, state: str, patient: Patient) -> Act | None:
        """One that can be played now, by the faults that are left in it and in what it leads to."""
        is_over = time.monotonic() > self._until
        left = {name: 0 if is_over else len(faults) for name, faults in self._waiting.items()}
        leading_on = {
            "suspend": left.get("resume", 0),
            "archive": left.get("undo", 0),
            "backup": 0 if patient.backup else left.get("restore", 0),
        }
        weights = {name: count + leading_on.get(name, 0) for name, count in left.items()}
        here = [act for act in self._acts if act.needs == state and (act.name != "restore" or patient.backup)]
        if state in {"none", "suspended"}:
            return here[0]
        if state == "archived":
            return here[0] if any(count for name, count in left.items() if name != "create") else None
        worth = [weights[act.name] for act in here]
        return self._random.choices(here, worth)[0] if any(worth) else None

    def _take(self, act: Act) -> Fault | None:
        """The next fault in a program that nobody else hurts now; waits for one where there are such to come."""
        with self._lock:
            while (waiting := self._waiting[act.name]) and time.monotonic() < self._until:
                for fault in waiting:
                    if fault.moment.program not in self._hurt:
                        waiting.remove(fault)
                        self._hurt.add(fault.moment.program)
                        return fault
                self._lock.wait(1.0)
            return None

    def _heal(self, fault: Fault) -> None:
        with self._lock:
            self._hurt.discard(fault.moment.program)
            self._lock.notify_all()

    def _play_alone(self, fault: Fault) -> Ending:
        """Again, on a tenant that is led to where the act begins, while nobody else is hurt."""
        patient = self._admit()
        for act in self._acts:
            if act.name == fault.cell.operation:
                ending = hurt(self._orders, patient, act, fault)
                if act.leads_to != "archived" and patient.site_id:
                    patient.tenant.terminate()
                return replace(ending, cell=fault.cell)
            if (
                act.name in {"create", "backup"}
                or act.leads_to == BY_NAME[fault.cell.operation].needs != "active"
            ):
                play(patient, act)
        raise LookupError(fault.cell.operation)
