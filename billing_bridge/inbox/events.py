"""What the inbox holds: events, their states, and where they came from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventStatus(StrEnum):
    PENDING = "pending"
    WORKING = "working"
    HANDLED = "handled"
    IGNORED = "ignored"
    DEAD = "dead"


class Source(StrEnum):
    LAGO = "lago"
    BRIDGE = "bridge"


class Lane(StrEnum):
    """Long work has a lane of its own, so that no event waits behind it."""

    EVENTS = "events"
    RECONCILE = "reconcile"


SYNC = "bridge.sync"
RECONCILE = "bridge.reconcile"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be stored; `unique_key` decides whether it is new."""

    unique_key: str
    webhook_type: str
    body: bytes
    source: Source = Source.LAGO
    organization_id: str | None = None
    correlation_id: str | None = None
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of the inbox."""

    id: int
    unique_key: str
    source: str
    webhook_type: str
    organization_id: str | None
    body: bytes
    correlation_id: str | None
    received_at: datetime
    status: str
    attempts: int
    next_attempt_at: datetime
    lease_owner: str | None
    lease_until: datetime | None
    handled_at: datetime | None
    outcome: str | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much waits: counts of rows, and the age of the oldest waiting one in seconds."""

    waiting: int
    dead: int
    oldest_seconds: float
