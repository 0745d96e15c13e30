"""The table follows the operations and what a run came to; nobody writes it by hand."""

from collections import Counter
from dataclasses import replace
from enum import StrEnum
from typing import Any

from agent.operations.base import Step
from agent.operations.registry import OPERATIONS
from tests.chaos.acts import ACTS
from tests.chaos.cells import Cell
from tests.chaos.kills import KILL, Fault, Record, list_faults, list_step_faults
from tests.chaos.lanes import QUICK_EACH, choose
from tests.chaos.orders import PROGRAMS, Moment


class Key(StrEnum):
    NEW = "ensure_new"


def make_record() -> Record:
    """Each act commits once in every program, twice in the agent's workers, and runs ``create_site``."""
    commits = {Moment(kind, "commit service.change"): 1 for kind in PROGRAMS}
    commits[Moment("agent-worker", "commit service.change")] = 2
    moments = Counter({**commits, Moment("agent-worker", "step create_site.look"): 1})
    return Record(
        {act.name: moments for act in ACTS}, Counter({Moment("press-ticker", "commit ticker.tick"): 4})
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
