"""The table follows the operations and what a run came to; nobody writes it by hand."""

from collections import Counter
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.operations.base import Step
from agent.operations.registry import OPERATIONS
from scripts.bringup.state import Paths
from tests.chaos.acts import ACTS, TAKE, Patient
from tests.chaos.cells import Cell, Ending
from tests.chaos.command import list_programs, summarise
from tests.chaos.kills import KILL, Fault, Record, is_unreached, list_faults, list_step_faults, wait_struck
from tests.chaos.lanes import QUICK_EACH, choose
from tests.chaos.orders import PROGRAMS, Moment
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant


class Key(StrEnum):
    NEW = "ensure_new"


def make_record() -> Record:
    """Each act commits once in every program, twice in the agent's workers, and runs ``create_site``."""
    commits = {Moment(kind, "commit service.change"): 1 for kind in PROGRAMS}
    commits[Moment("agent-worker", "commit service.change")] = 2
    moments = Counter({**commits, Moment("agent-worker", "step create_site.look"): 1})
    return Record(
        {act.name: moments for act in ACTS}, Counter({Moment("press-worker", "commit ticker.tick"): 4})
    )


def test_a_new_step_is_covered_without_a_word_here() -> None:
    operation = OPERATIONS["create_site"]
    step: Step[Any] = Step(key=Key.NEW, title="New", run=lambda _: True)
    wider = replace(operation, steps=(*operation.steps, step))
    added = set(list_step_faults("create", wider)) - set(list_step_faults("create", operation))
    moments = {fault.cell.moment for fault in added}
    assert {f"agent-worker: {when} step create_site.ensure_new" for when in ("before", "after")} <= moments


def test_every_step_and_every_way_back_is_hurt_before_and_after() -> None:
    faults = list(list_faults(make_record()))
    hurt = {(fault.moment.name, fault.when) for fault in faults if fault.cell.operation == "create"}
    for step in OPERATIONS["create_site"].steps:
        assert {(f"step create_site.{step.key}", when) for when in ("before", "after")} <= hurt
        if step.undo is not None:
            assert {(f"undo create_site.{step.key}", when) for when in ("before", "after")} <= hurt


def test_a_spare_is_hurt_while_it_is_made_and_while_it_is_taken() -> None:
    moments = make_record().moments["create"]
    found = Record({TAKE.name: moments}, Counter())
    hurt = {(fault.moment.name, fault.when) for fault in list_faults(found, (TAKE,))}
    for name in ("prepare_site", "create_site"):
        for step in OPERATIONS[name].steps:
            assert {(f"step {name}.{step.key}", when) for when in ("before", "after")} <= hurt


def test_each_time_of_a_commit_is_a_cell_of_its_own() -> None:
    hurt = [
        (fault.moment.time, fault.when)
        for fault in list_faults(make_record())
        if fault.cell.operation == "archive" and fault.moment == replace(fault.moment, program="agent-worker")
        if fault.moment.name == "commit service.change"
    ]
    assert sorted(hurt) == [(1, "after"), (1, "before"), (2, "after"), (2, "before")]


def test_a_quick_run_has_something_of_everything_and_changes() -> None:
    faults = list(list_faults(make_record()))
    chosen = choose(faults, 1)
    assert len(chosen) < len(faults) / 2
    assert {fault.cell.operation for fault in chosen} == {act.name for act in ACTS}
    assert {fault.moment.program for fault in chosen} == set(PROGRAMS)
    assert {fault.when for fault in chosen} == {"before", "after"}
    assert chosen != choose(faults, 2)


def test_a_quick_run_of_one_cell_has_it() -> None:
    moment = Moment("press-api", "commit service.change")
    fault = Fault(Cell("create", "press-api: before commit service.change", KILL), moment, "before")
    assert choose([fault], 1) == [fault]
    assert QUICK_EACH > 0


class TestFigures:
    """What the end of a run says of each program."""

    def test_only_what_held_is_measured(self) -> None:
        killed = Cell("create", "press-api: before commit service.change", KILL)
        endings = [Ending(killed, 1.0), Ending(killed, 4.0), Ending(killed, 120.0, ("It is gone.",))]
        figures = dict(list_programs([*endings, Ending(Cell("any", "at rest, 2 tenants", "all"), 9.0)]))
        assert figures == {"press-api": {"faults": 2, "median": 2.5, "longest": 4.0}}

    def test_a_red_cell_and_an_empty_table_fail(self) -> None:
        cell = Cell("create", "press-api: before commit service.change", KILL)
        assert summarise([Ending(cell, 1.0)], 2.0, as_json=True) == 0
        assert summarise([Ending(cell, 1.0, ("It is gone.",))], 2.0, as_json=True) == 1
        assert summarise([], 2.0, as_json=True) == 1


class TestMoments:
    """What an act does not come to by itself, or not at all, must not pass for survived."""

    def test_what_ticks_is_hurt_once_and_not_in_every_act(self) -> None:
        ticking = Moment("press-worker", "commit runner.Runner._claim job.watch", is_owned=False)
        idle = Counter({ticking: 3})
        moments = {act.name: Counter({ticking: 1}) for act in ACTS}
        faults = list(list_faults(Record(moments, idle)))
        assert [fault.when for fault in faults] == ["before", "after"]

    def test_a_moment_that_is_not_reached_is_red(self) -> None:
        patient = admit_nobody()
        broken = wait_struck(patient, ACTS[0], lambda: None, 0.0)
        assert broken == ["The moment was not reached; create did not end without it."]
        assert is_unreached(Ending(Cell("create", "never", KILL), 1.0, tuple(broken)))


def admit_nobody() -> Patient:
    return Patient(Tenant(Platform(Paths(Path("nowhere"))), "kill-00000001"))
