"""Lanes leave no fault out, and hurt one program of a kind at a time."""

import math
import threading
import time
from pathlib import Path

from scripts.bringup.state import Paths
from tests.chaos.acts import ACTS, Patient
from tests.chaos.cells import Cell
from tests.chaos.kills import KILL, Fault
from tests.chaos.lanes import BY_NAME, Ward
from tests.chaos.orders import Moment, Orders
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant

CREATE = ACTS[0]


def make_ward(programs: list[str], until: float = math.inf, operation: str = "create") -> Ward:
    faults = [
        Fault(
            Cell(operation, f"{program}: before commit {number}", KILL),
            Moment(program, f"{number}"),
            "before",
        )
        for number, program in enumerate(programs)
    ]
    return Ward(Orders(Path("nowhere")), Platform(Paths(Path("nowhere"))), faults, until)


def test_one_of_a_kind_is_hurt_at_a_time() -> None:
    ward = make_ward(["press-api", "press-api", "agent-api"], until=time.monotonic() + 1.5)
    taken = [ward._take(CREATE), ward._take(CREATE)]
    assert {fault.moment.program for fault in taken if fault} == {"press-api", "agent-api"}
    assert ward._take(CREATE) is None, "nobody had healed the other one when the time was over"
    assert ward.count_left() == 1


def test_who_waits_gets_it_when_it_is_healed() -> None:
    ward = make_ward(["press-api", "press-api"])
    first = ward._take(CREATE)
    assert first is not None
    healer = threading.Timer(0.2, ward._heal, (first,))
    healer.start()
    second = ward._take(CREATE)
    healer.join()
    assert second is not None
    assert second != first
    assert ward.count_left() == 0
    assert ward._take(CREATE) is None


class TestChoice:
    """Which act a tenant plays next."""

    def test_it_follows_the_faults_that_are_left(self) -> None:
        ward = make_ward(["press-api"], operation="undo")
        patient = Patient(Tenant(Platform(Paths(Path("nowhere"))), "kill-00000001"))
        assert name_choices(ward, patient) == ["create", "archive", "undo"]
        assert ward._take(BY_NAME["undo"]) is not None
        assert name_choices(ward, patient) == ["create", None, None]

    def test_a_restore_needs_a_backup(self) -> None:
        ward = make_ward(["press-api"], operation="restore")
        patient = Patient(Tenant(Platform(Paths(Path("nowhere"))), "kill-00000001"))
        assert name_choices(ward, patient)[1] == "backup"
        patient.backup = "some"
        assert name_choices(ward, patient)[1] == "restore"

    def test_when_the_time_is_over_nothing_is_begun(self) -> None:
        ward = make_ward(["press-api"], until=time.monotonic() - 1, operation="undo")
        patient = Patient(Tenant(Platform(Paths(Path("nowhere"))), "kill-00000001"))
        assert name_choices(ward, patient)[1:] == [None, None]


def name_choices(ward: Ward, patient: Patient) -> list[str | None]:
    chosen = [ward._choose(state, patient) for state in ("none", "active", "archived")]
    return [act.name if act else None for act in chosen]
