"""Lifecycles: a small one that is right, and the walk that every real one must pass."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest

from press_app.kit.lifecycle import IllegalMove, Lifecycle, LifecycleRow, Stable, Working
from tests.factories.lifecycles import find_flaws

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Door(StrEnum):
    SHUT = "shut"
    OPENING = "opening"
    OPEN = "open"
    STUCK = "stuck"


class Push(StrEnum):
    PUSH = "push"
    OPENED = "opened"
    JAMMED = "jammed"
    FREED = "freed"


STATES: dict[Door, Stable[Door] | Working[Door, Push]] = {
    Door.SHUT: Stable(meaning="Closed."),
    Door.OPENING: Working(
        meaning="Moves.", target=Door.OPEN, within=timedelta(seconds=5), on_timeout=Push.JAMMED
    ),
    Door.OPEN: Stable(meaning="One can pass.", allows=frozenset({"pass"})),
    Door.STUCK: Stable(meaning="Somebody must come."),
}
MOVES = {
    (Door.SHUT, Push.PUSH): (Door.OPENING, "Somebody pushes."),
    (Door.OPENING, Push.OPENED): (Door.OPEN, "It is open."),
    (Door.OPENING, Push.JAMMED): (Door.STUCK, "It does not move."),
    (Door.STUCK, Push.FREED): (Door.SHUT, "Somebody came."),
}
DOOR: Lifecycle[Door, Push] = Lifecycle(name="door", initial=Door.SHUT, states=STATES, moves=MOVES)


class DoorRow(LifecycleRow[Door, Push]):
    lifecycle = DOOR


class TestApply:
    def test_moves_by_the_table_and_keeps_where_it_is_heading(self) -> None:
        door = DoorRow()
        door.enter(Door.SHUT, NOW)
        assert (door.target_status, door.deadline_at) == (None, None)
        assert door.apply(Push.PUSH, NOW) is Door.OPENING
        assert (door.target_status, door.deadline_at) == (Door.OPEN, NOW + timedelta(seconds=5))
        later = NOW + timedelta(seconds=1)
        assert door.apply(Push.OPENED, later) is Door.OPEN
        assert (door.target_status, door.deadline_at, door.status_since) == (None, None, later)

    def test_refuses_an_illegal_move_and_says_what_is_possible(self) -> None:
        door = DoorRow()
        door.enter(Door.OPENING, NOW)
        with pytest.raises(IllegalMove) as refusal:
            door.apply(Push.FREED, NOW)
        assert door.status is Door.OPENING
        assert "jammed, opened" in refusal.value.message

    def test_tells_what_a_state_allows(self) -> None:
        assert DOOR.allows(Door.OPEN, "pass")
        assert not DOOR.allows(Door.SHUT, "pass")
        assert DOOR.is_working(Door.OPENING)
        assert DOOR.can(Door.STUCK, Push.FREED)


class TestFindFlaws:
    def test_finds_none_in_a_lifecycle_that_is_right(self) -> None:
        assert find_flaws(DOOR) == []

    def test_finds_states_without_entry_way_out_or_words(self) -> None:
        moves = {key: move for key, move in MOVES.items() if key[1] is not Push.JAMMED}
        states = dict(STATES) | {Door.OPEN: Stable(meaning="")}
        flaws = find_flaws(Lifecycle(name="door", initial=Door.SHUT, states=states, moves=moves))
        assert flaws == [
            "door.open has no meaning",
            "door.opening cannot take its own timeout 'jammed'",
            "door.stuck is never reached",
            "door: event 'jammed' moves nothing",
        ]
