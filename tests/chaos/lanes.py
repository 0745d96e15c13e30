"""Plays all faults: several tenants at a time, each through its whole life, hurt once in every operation."""

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tests.chaos.acts import ACTS, Act, Patient, admit
from tests.chaos.cells import Cell, Ending
from tests.chaos.kills import LIMIT_SECONDS, Fault, hurt, is_unreached, list_faults, play, record
from tests.chaos.orders import Orders
from tests.chaos.truth import list_broken
from tests.e2e.platform import Platform

LANES = 4
QUICK_EACH = 2
"""How many faults a quick run has of each operation, and of each program."""
ORDERS = "chaos"
"""Folder of the orders in the state folder of a planted platform."""
BY_NAME = {act.name: act for act in ACTS}


def run(
    platform: Platform, *, quick: bool, is_wanted: Callable[[Cell], bool] = lambda _cell: True
) -> Iterator[Ending]:
    """Every cell of the planted platform, as they end; what concerns all tenants is looked at last."""
    orders = Orders(platform.paths.state / ORDERS)
    found = record(orders, platform, rounds=1 if quick else 2)
    faults = [fault for fault in list_faults(found) if is_wanted(fault.cell)]
    ward = Ward(orders, platform, choose(faults, time.time() // 3600) if quick else faults)
    yield from ward.play()
    yield from ward.look_at_all()


def choose(faults: Sequence[Fault], turn: float) -> list[Fault]:
    """Some of each operation and of each program, before and after; other ones each hour."""
    shuffled = random.Random(turn).sample(faults, len(faults))
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

    def __init__(self, orders: Orders, platform: Platform, faults: Sequence[Fault]) -> None:
        self._orders = orders
        self._platform = platform
        self._waiting = {act.name: deque(f for f in faults if f.cell.operation == act.name) for act in ACTS}
        self._lock = threading.Lock()
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
            time.sleep(1.0)
        cell = Cell("any", f"at rest, {len(tenants)} tenants", "all of the above")
        yield Ending(cell, round(time.monotonic() - start, 2), tuple(broken))

    def _run_lane(self) -> None:
        try:
            while any(self._waiting.values()):
                self._live(self._admit())
        finally:
            self._ended.put(None)

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
        ending = hurt(self._orders, patient, act, fault)
        if not is_unreached(ending):
            self._ended.put(ending)
        else:
            self._unreached.append(fault)
        return list(ending.broken)

    def _choose(self, state: str, patient: Patient) -> Act | None:
        """The act with the most faults left among those that can be played now; or one that leads to such."""
        left = {name: len(faults) for name, faults in self._waiting.items()}
        left["suspend"], left["archive"] = (
            max(left["suspend"], left["resume"]),
            max(left["archive"], left["undo"]),
        )
        here = [act for act in ACTS if act.needs == state and (act.name != "restore" or patient.backup)]
        if left["restore"] and not patient.backup:
            left["backup"] = max(left["backup"], left["restore"])
        best = max(here, key=lambda act: left[act.name])
        if left[best.name] or state in {"none", "suspended"}:
            return best
        is_useful = state == "archived" and any(n for name, n in left.items() if name != "create")
        return best if is_useful else None

    def _take(self, act: Act) -> Fault | None:
        with self._lock:
            waiting = self._waiting[act.name]
            return waiting.popleft() if waiting else None

    def _play_alone(self, fault: Fault) -> Ending:
        """Again, on a tenant that is led to where the act begins, while nobody else is hurt."""
        patient = self._admit()
        for act in ACTS:
            if act.name == fault.cell.operation:
                ending = hurt(self._orders, patient, act, fault)
                patient.tenant.terminate()
                return replace(ending, cell=fault.cell)
            if (
                act.name in {"create", "backup"}
                or act.leads_to == BY_NAME[fault.cell.operation].needs != "active"
            ):
                play(patient, act)
        raise LookupError(fault.cell.operation)
