"""The walk through a lifecycle's table that every lifecycle must pass."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeVar

from press_app.kit.lifecycle import Lifecycle, Working

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def find_flaws(lifecycle: Lifecycle[S, E]) -> list[str]:
    """Everything that is wrong with the table, in words; empty for a good one.

    Every state is described and reached, every working state has a time limit, a way to fail and a way to its
    target, and every event moves something.
    """
    return sorted(_flaws(lifecycle))


def _flaws(lifecycle: Lifecycle[S, E]) -> Iterator[str]:
    name = lifecycle.name
    for state in type(lifecycle.initial):
        if state not in lifecycle.states:
            yield f"{name}.{state.value} is not in the table of states"
    reached = _reach(lifecycle, lifecycle.initial)
    for state, info in lifecycle.states.items():
        if not info.meaning.strip():
            yield f"{name}.{state.value} has no meaning"
        if state not in reached:
            yield f"{name}.{state.value} is never reached"
        if isinstance(info, Working):
            yield from _working_flaws(lifecycle, state, info)
    yield from _move_flaws(lifecycle)


def _move_flaws(lifecycle: Lifecycle[S, E]) -> Iterator[str]:
    name = lifecycle.name
    for (state, event), (_, why) in lifecycle.moves.items():
        if not why.strip():
            yield f"{name}.{state.value} takes '{event.value}' without a reason"
    moving = {event for _, event in lifecycle.moves}
    events = type(next(iter(moving)))
    yield from (f"{name}: event '{event.value}' moves nothing" for event in events if event not in moving)


def _working_flaws(lifecycle: Lifecycle[S, E], state: S, info: Working[S, E]) -> Iterator[str]:
    place = f"{lifecycle.name}.{state.value}"
    if info.within.total_seconds() <= 0:
        yield f"{place} has no time"
    if not lifecycle.can(state, info.on_timeout):
        yield f"{place} cannot take its own timeout '{info.on_timeout.value}'"
    elif lifecycle.next_state(state, info.on_timeout) is state:
        yield f"{place} stays where it is when its time is over"
    if info.target not in _reach(lifecycle, state):
        yield f"{place} cannot get to its target {info.target.value}"


def _reach(lifecycle: Lifecycle[S, E], start: S) -> set[S]:
    found, left = {start}, [start]
    while left:
        here = left.pop()
        for (state, _), (to, _why) in lifecycle.moves.items():
            if state is here and to not in found:
                found.add(to)
                left.append(to)
    return found
