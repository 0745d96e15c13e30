"""What the operator API answers with."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from billing_bridge.handlers.sync import Synced
from billing_bridge.inbox.envelope import read_json
from billing_bridge.inbox.events import Event
from billing_bridge.reconcile.mismatches import Mismatch


class EventError(BaseModel):
    code: str
    message: str | None


class EventView(BaseModel):
    """One event of the inbox without its body."""

    id: int
    unique_key: str
    source: str
    webhook_type: str
    organization_id: str | None
    correlation_id: str | None
    status: str
    attempts: int
    received_at: datetime
    next_attempt_at: datetime
    handled_at: datetime | None
    outcome: str | None
    error: EventError | None

    @classmethod
    def of(cls, event: Event) -> Self:
        error = EventError(code=event.error_code, message=event.error_message) if event.error_code else None
        fields = {name: getattr(event, name) for name in cls.model_fields if hasattr(event, name)}
        return cls(**fields, error=error)


class EventDetail(EventView):
    """One event with what was received."""

    body: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        view = EventView.of(event)
        return cls(**view.model_dump(), body=read_json(event.body))


class EventPage(BaseModel):
    items: list[EventView]
    next_cursor: str | None


class MismatchView(BaseModel):
    """A difference between Lago and the control plane; `repaired_at` is null while it stands."""

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

    @classmethod
    def of(cls, mismatch: Mismatch) -> Self:
        return cls(**{name: getattr(mismatch, name) for name in cls.model_fields})


class MismatchPage(BaseModel):
    items: list[MismatchView]
    next_cursor: str | None
    last_reconcile: dict[str, Any] | None


class Replayed(BaseModel):
    replayed: int


class Accepted(BaseModel):
    """Work that was stored; its event tells what became of it."""

    event_id: int


class SyncedView(BaseModel):
    external_id: str
    sent: bool
    wanted: str | None
    reason: str | None
    applied: bool | None

    @classmethod
    def of(cls, synced: Synced) -> Self:
        return cls(**{name: getattr(synced, name) for name in cls.model_fields})
