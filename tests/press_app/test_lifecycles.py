"""Every lifecycle table, walked: nothing unreachable, nothing without an end, nothing that hangs."""

from enum import StrEnum
from typing import Any

import pytest

from press_app.kit.lifecycle import Lifecycle, Working
from press_app.sites.service.results import OPENED, ROUTES
from scripts.draw_lifecycles import FOLDER, list_stale, load_lifecycles, main, render_all

LIFECYCLES = load_lifecycles()
FINAL = {
    "backup": {"deleted"},
    "bench": {"retired"},
    "job": {"succeeded", "failed", "cancelled", "lost"},
    "server": {"retired"},
    "site": {"purged"},
    "spare": {"gone"},
}
"""Where a life may end."""


def reach(lifecycle: Lifecycle[Any, Any], start: StrEnum) -> set[StrEnum]:
    seen, new = set(), {start}
    while new:
        seen |= new
        new = {target for (state, _), (target, _) in lifecycle.moves.items() if state in seen} - seen
    return seen


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda lifecycle: str(lifecycle.name))
class TestTable:
    def test_every_state_of_the_enum_is_in_it(self, lifecycle: Lifecycle[Any, Any]) -> None:
        enum: type[StrEnum] = lifecycle.initial.__class__
        assert set(lifecycle.states) == set(enum)

    def test_every_state_can_be_reached(self, lifecycle: Lifecycle[Any, Any]) -> None:
        assert reach(lifecycle, lifecycle.initial) == set(lifecycle.states)

    def test_every_event_moves_something(self, lifecycle: Lifecycle[Any, Any]) -> None:
        events: set[StrEnum] = {event for _, event in lifecycle.moves}
        (enum,) = {event.__class__ for event in events}
        assert events == set(enum)

    def test_only_final_states_have_no_way_out(self, lifecycle: Lifecycle[Any, Any]) -> None:
        ends = {state.value for state in lifecycle.states} - {state.value for state, _ in lifecycle.moves}
        assert ends == FINAL[lifecycle.name]

    def test_every_state_can_come_to_an_end(self, lifecycle: Lifecycle[Any, Any]) -> None:
        for state in lifecycle.states:
            assert {end.value for end in reach(lifecycle, state)} & FINAL[lifecycle.name], state

    def test_every_working_state_has_a_deadline_and_a_way_to_fail(
        self, lifecycle: Lifecycle[Any, Any]
    ) -> None:
        for state, info in lifecycle.states.items():
            if not isinstance(info, Working):
                continue
            assert info.within.total_seconds() > 0
            failed = lifecycle.next_state(state, info.on_timeout)
            assert not lifecycle.is_working(failed), f"{state} fails into work"
            assert info.target in reach(lifecycle, state)

    def test_every_state_and_move_is_explained(self, lifecycle: Lifecycle[Any, Any]) -> None:
        for info in lifecycle.states.values():
            assert info.meaning.endswith(".")
        for _, why in lifecycle.moves.values():
            assert why.endswith(".")


class TestSites:
    def test_what_is_seen_from_outside_ends_every_working_state_where_it_was_heading(self) -> None:
        (site,) = [lifecycle for lifecycle in LIFECYCLES if lifecycle.name == "site"]
        working = {state for state in site.states if site.is_working(state)}
        assert set(OPENED) == set(ROUTES) == working
        for state, event in OPENED.items():
            assert site.next_state(state, event) is site.target_of(state)


class TestDrawing:
    def test_the_pages_in_the_tree_are_current(self) -> None:
        assert list_stale(FOLDER) == []
        assert main(["--check"]) == 0

    def test_a_page_that_differs_is_stale(self, tmp_path: Any) -> None:
        pages = render_all()
        for name, text in pages.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        assert list_stale(tmp_path) == []
        (tmp_path / "site.md").write_text("old", encoding="utf-8")
        (tmp_path / "ghost.md").write_text("of a table that is gone", encoding="utf-8")
        assert list_stale(tmp_path) == ["ghost.md", "site.md"]
