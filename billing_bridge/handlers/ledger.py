"""What the control plane was last told about each subscription."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing_bridge.db import insert_new, sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The last word to the control plane; empty fields when it is only known to know the id."""

    external_id: str
    wanted: str | None = None
    plan_code: str | None = None
    reason_code: str | None = None
    entitlements: dict[str, Any] | None = None
    plan_print: str | None = None
    observed_at: datetime | None = None
    lago_id: str | None = None


class Ledger:
    """A row means that the control plane knows, or may know, the subscription."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def find(self, external_id: str) -> Told | None:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(sent).where(sent.c.external_id == external_id)).one_or_none()
        return _told(row) if row is not None else None

    def list_all(self) -> dict[str, Told]:
        with self._engine.connect() as connection:
            return {row.external_id: _told(row) for row in connection.execute(sa.select(sent))}

    def mark_known(self, external_ids: Iterable[str]) -> None:
        """Remember ids before they are sent, so that a crash in between forgets nothing."""
        rows = [{"external_id": external_id} for external_id in external_ids]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert_new(self._engine, sent), rows)

    def record(self, told: Told) -> None:
        """Keep what was just accepted; `plan_print` stays as it was."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(sent)
                .where(sent.c.external_id == told.external_id)
                .values(
                    wanted=told.wanted,
                    plan_code=told.plan_code,
                    reason_code=told.reason_code,
                    entitlements=told.entitlements,
                    observed_at=told.observed_at,
                    lago_id=told.lago_id,
                )
            )

    def set_plan_print(self, external_id: str, plan_print: str) -> None:
        """Remember under which plan entitlements the last full reading was made."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(sent).where(sent.c.external_id == external_id).values(plan_print=plan_print)
            )


def _told(row: sa.Row[Any]) -> Told:
    return Told(**row._mapping)  # noqa: SLF001 - the public mapping view of a row
