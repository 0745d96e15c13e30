"""Shapes of spares on the wire."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from press_app.spares.lifecycle import SpareStatus
from press_app.spares.model import Spare


class SpareView(BaseModel):
    """A spare as operators see it; a given one has become the site with its id."""

    id: str
    bench_id: str
    apps: list[str]
    locale: str
    """The home that it is made for: ``DE/EUR/de/Europe/Berlin``."""
    status: SpareStatus
    status_since: datetime
    created_at: datetime

    @classmethod
    def of(cls, spare: Spare) -> Self:
        return cls(
            id=spare.id,
            bench_id=spare.bench_id,
            apps=spare.apps.split("+"),
            locale=spare.locale,
            status=spare.status,
            status_since=spare.status_since,
            created_at=spare.created_at,
        )


class SparePage(BaseModel):
    """One page of spares."""

    items: list[SpareView]
    next_cursor: str | None
