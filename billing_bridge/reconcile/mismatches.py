"""Every difference that was found: what Lago says, what the control plane had, whether it was repaired."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from billing_bridge.db import mismatches, notes


class MismatchKind(StrEnum):
    MISSING = "missing"
    """Live in Lago, unknown to the control plane."""
    DIFFERS = "differs"
    """Known to both, with another wanted state, plan or reason."""
    UNKNOWN_TO_LAGO = "unknown_to_lago"
    """Known to the control plane only; absence ends nothing, an operator decides."""
    UNDECIDED = "undecided"
    """Lago's own picture contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A stored difference; `repaired_at` is None while it stands."""

    id: int
    external_id: str
    kind: str
    lago_says: dict[str, Any] | None
    press_had: dict[str, Any] | None
    first_seen_at: datetime
    last_seen_at: datetime
    times_seen: int
    repaired_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference as just found."""

    external_id: str
    kind: MismatchKind
    lago_says: dict[str, Any] | None
    press_had: dict[str, Any] | None


class MismatchStore:
    """One open row per subscription and kind; seen again, it is counted, not doubled."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(self, found: Difference, *, now: datetime, repaired: bool, error: str | None = None) -> None:
        values = {
            "lago_says": found.lago_says,
            "press_had": found.press_had,
            "last_seen_at": now,
            "repaired_at": now if repaired else None,
            "error": error,
        }
        is_same = (mismatches.c.external_id == found.external_id) & (mismatches.c.kind == found.kind)
        with self._engine.begin() as connection:
            again = connection.execute(
                sa.update(mismatches)
                .where(is_same, mismatches.c.repaired_at.is_(None))
                .values(times_seen=mismatches.c.times_seen + 1, **values)
            )
            if again.rowcount == 0:
                row = {
                    "external_id": found.external_id,
                    "kind": found.kind,
                    "first_seen_at": now,
                    "times_seen": 1,
                }
                connection.execute(sa.insert(mismatches), row | values)

    def close_others(self, standing: Collection[tuple[str, str]], *, now: datetime) -> int:
        """After a complete comparison: what was not found again is over; answers how many."""
        open_rows = sa.select(mismatches.c.id, mismatches.c.external_id, mismatches.c.kind).where(
            mismatches.c.repaired_at.is_(None)
        )
        with self._engine.begin() as connection:
            over = [
                row.id for row in connection.execute(open_rows) if (row.external_id, row.kind) not in standing
            ]
            for row_id in over:
                connection.execute(
                    sa.update(mismatches).where(mismatches.c.id == row_id).values(repaired_at=now, error=None)
                )
        return len(over)

    def list_mismatches(
        self, *, only_open: bool = False, before: int | None = None, limit: int = 100
    ) -> list[Mismatch]:
        """Newest first, `limit` at most, older than the id `before`."""
        query = sa.select(mismatches).order_by(mismatches.c.id.desc()).limit(limit)
        if only_open:
            query = query.where(mismatches.c.repaired_at.is_(None))
        if before is not None:
            query = query.where(mismatches.c.id < before)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Mismatch(**row._mapping) for row in rows]  # noqa: SLF001 - the public mapping view of a row

    def count_open(self) -> int:
        query = sa.select(sa.func.count()).where(mismatches.c.repaired_at.is_(None))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def count_all(self) -> int:
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(mismatches)) or 0

    def purge(self, *, repaired_before: datetime) -> int:
        with self._engine.begin() as connection:
            return connection.execute(
                sa.delete(mismatches).where(mismatches.c.repaired_at < repaired_before)
            ).rowcount

    def write_note(self, name: str, value: dict[str, Any], *, now: datetime) -> None:
        with self._engine.begin() as connection:
            row = {"value": value, "changed_at": now}
            if connection.execute(sa.update(notes).where(notes.c.name == name).values(row)).rowcount == 0:
                connection.execute(sa.insert(notes), {"name": name} | row)

    def find_note(self, name: str) -> dict[str, Any] | None:
        with self._engine.connect() as connection:
            value: dict[str, Any] | None = connection.scalar(
                sa.select(notes.c.value).where(notes.c.name == name)
            )
        return value
