"""Lifecycles as tables: states, moves, what each state allows, and the one way to move a row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from press_app.errors import Conflict

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class IllegalMove(Conflict):
    """The state does not allow this event."""

    code = "illegal_move"


@dataclass(frozen=True, kw_only=True)
class Stable(Generic[S]):
    """A state in which nothing is in flight."""

    meaning: str
    allows: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class Working(Generic[S, E]):
    """A state in which somebody works; it has an end by itself."""

    meaning: str
    target: S
    """Where it is heading."""
    within: timedelta
    """Past this the promise is broken and ``on_timeout`` is due."""
    on_timeout: E
    allows: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class Lifecycle(Generic[S, E]):
    """The table of one entity. ``moves`` reads ``(state, event) → (state, why)``."""

    name: str
    initial: S
    states: Mapping[S, Stable[S] | Working[S, E]]
    moves: Mapping[tuple[S, E], tuple[S, str]]

    def next_state(self, state: S, event: E) -> S:
        """Where ``event`` leads. Raises :class:`IllegalMove`."""
        try:
            return self.moves[state, event][0]
        except KeyError:
            message = (
                f"A {self.name} that is {state.value} cannot take '{event.value}'. Nothing was changed. "
                f"Possible now: {', '.join(sorted(self.events_in(state))) or 'nothing'}."
            )
            raise IllegalMove(message, state=state.value, event=event.value) from None

    def can(self, state: S, event: E) -> bool:
        return (state, event) in self.moves

    def events_in(self, state: S) -> Iterator[str]:
        """Events that move a row in this state."""
        return (event.value for (at, event) in self.moves if at is state)

    def is_working(self, state: S) -> bool:
        return isinstance(self.states[state], Working)

    def allows(self, state: S, action: str) -> bool:
        """Whether the capability table grants ``action`` in this state."""
        return action in self.states[state].allows

    def target_of(self, state: S) -> S | None:
        info = self.states[state]
        return info.target if isinstance(info, Working) else None

    def deadline(self, state: S, now: datetime) -> datetime | None:
        """When a working state entered now must be over; None for a stable one."""
        info = self.states[state]
        return now + info.within if isinstance(info, Working) else None


class LifecycleRow(Generic[S, E]):
    """Mixin for a model with ``status``, ``target_status``, ``status_since`` and ``deadline_at``.

    The row's ``version`` column makes the UPDATE a compare-and-set: of two writers one gets a stale-row error.
    """

    lifecycle: ClassVar[Lifecycle[Any, Any]]
    status: S
    target_status: S | None
    status_since: datetime
    deadline_at: datetime | None

    def apply(self, event: E, now: datetime) -> S:
        """Move by the table. Raises :class:`IllegalMove` and leaves the row as it was."""
        state: S = self.lifecycle.next_state(self.status, event)
        self.enter(state, now)
        return state

    def enter(self, state: S, now: datetime) -> None:
        """Stand in ``state`` from now on; only for :meth:`apply` and for a new row."""
        self.status = state
        self.target_status = self.lifecycle.target_of(state)
        self.status_since = now
        self.deadline_at = self.lifecycle.deadline(state, now)
