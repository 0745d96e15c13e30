"""The inbox table: insert once, claim by a conditional update, finish or try again later."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from billing_bridge.db import inbox, insert_new
from billing_bridge.errors import NotFound, NotReplayable
from billing_bridge.inbox.events import RECONCILE, Backlog, Event, EventStatus, Lane, NewEvent, Source

FURTHEST = timedelta(minutes=30)
"""Nothing is put off or claimed for longer; a moment beyond it was written by a clock that was ahead."""


class InboxStore:
    """Every method is one transaction; times are passed in so that tests own the clock."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def insert(self, events: Sequence[NewEvent], *, now: datetime) -> list[bool]:
        """Store several events in one durable commit, with one sync to disk; answers for each whether it was new."""
        statement = insert_new(self._engine, inbox)
        rows = [_row(event, now) for event in events]
        with self._engine.connect() as connection:
            are_new = [True] * len(rows)
            if connection.execute(statement, rows).rowcount != len(rows):
                connection.rollback()  # A batch is counted as a whole; single rows tell which ones were known.
                are_new = [connection.execute(statement, row).rowcount == 1 for row in rows]
            connection.commit()
            return are_new

    def claim(self, *, owner: str, now: datetime, lease: timedelta, lane: Lane = Lane.EVENTS) -> Event | None:
        """Take the oldest due event, or one whose worker stopped renewing its lease; None when nothing is due."""
        due = _is_due(lane)
        while True:
            with self._engine.begin() as connection:
                row_id = connection.scalar(FIRST_DUE[lane], _moments(now))
            if row_id is None:
                return None
            with self._engine.begin() as connection:
                taken = connection.execute(
                    sa.update(inbox)
                    .where(inbox.c.id == row_id, due)
                    .values(
                        status=EventStatus.WORKING,
                        attempts=inbox.c.attempts + 1,
                        lease_owner=owner,
                        lease_until=now + lease,
                    ),
                    _moments(now),
                )
                if taken.rowcount == 1:
                    return _event(connection.execute(sa.select(inbox).where(inbox.c.id == row_id)).one())

    def renew(self, event_ids: Sequence[int], *, owner: str, until: datetime) -> None:
        """Keep these events, where `owner` still works on them; a killed owner stops calling this and loses them."""
        mine = (inbox.c.lease_owner == owner) & (inbox.c.status == EventStatus.WORKING)
        mine &= inbox.c.id.in_(event_ids)
        with self._engine.begin() as connection:
            connection.execute(sa.update(inbox).where(mine).values(lease_until=until))

    def finish(
        self,
        event: Event,
        *,
        outcome: str,
        now: datetime,
        follow_ups: Iterable[NewEvent] = (),
        ignored: bool = False,
    ) -> bool:
        """Stamp `event` handled and store what follows from it, both or neither; False when the lease was lost."""
        status = EventStatus.IGNORED if ignored else EventStatus.HANDLED
        statement = insert_new(self._engine, inbox)
        with self._engine.begin() as connection:
            stamped = connection.execute(
                _mine(event).values(
                    status=status,
                    handled_at=now,
                    outcome=outcome,
                    lease_owner=None,
                    lease_until=None,
                    error_code=None,
                    error_message=None,
                )
            )
            if stamped.rowcount != 1:
                return False
            for follow_up in follow_ups:
                connection.execute(statement, _row(follow_up, now))
        return True

    def retry_at(
        self, event: Event, *, when: datetime, code: str, message: str, counted: bool = True
    ) -> None:
        """Put `event` back until `when`; `counted` False gives the attempt back."""
        with self._engine.begin() as connection:
            connection.execute(
                _mine(event).values(
                    status=EventStatus.PENDING,
                    attempts=inbox.c.attempts if counted else inbox.c.attempts - 1,
                    next_attempt_at=when,
                    lease_owner=None,
                    lease_until=None,
                    error_code=code,
                    error_message=message,
                )
            )

    def bury(self, event: Event, *, code: str, message: str) -> None:
        """Make `event` a dead letter; it waits for a replay."""
        with self._engine.begin() as connection:
            connection.execute(
                _mine(event).values(
                    status=EventStatus.DEAD,
                    lease_owner=None,
                    lease_until=None,
                    error_code=code,
                    error_message=message,
                )
            )

    def replay(self, event_id: int, *, now: datetime) -> Event:
        """Make one event due again; raises `NotFound`, and `NotReplayable` while it is being worked on."""
        event = self.get(event_id)
        with self._engine.begin() as connection:
            idle = sa.update(inbox).where(inbox.c.id == event_id, inbox.c.status != EventStatus.WORKING)
            again = {"status": EventStatus.PENDING, "attempts": 0, "next_attempt_at": now}
            reset = connection.execute(idle.values({**again, "handled_at": None, "outcome": None}))
        if reset.rowcount != 1:
            raise NotReplayable(
                f"Event {event.id} is being worked on; nothing was changed. Look again in a few seconds."
            )
        return self.get(event_id)

    def replay_dead(self, *, now: datetime) -> int:
        """Make every dead letter due again; answers how many."""
        again = {"status": EventStatus.PENDING, "attempts": 0, "next_attempt_at": now}
        dead = sa.update(inbox).where(inbox.c.status == EventStatus.DEAD).values(again)
        with self._engine.begin() as connection:
            return connection.execute(dead).rowcount

    def get(self, event_id: int) -> Event:
        """One event; raises `NotFound`."""
        return self._get(inbox.c.id == event_id, f"There is no event {event_id} in the inbox.")

    def get_by_key(self, unique_key: str) -> Event:
        """One event; raises `NotFound`."""
        missing = f"There is no event with the key {unique_key} in the inbox."
        return self._get(inbox.c.unique_key == unique_key, missing)

    def _get(self, condition: sa.ColumnElement[bool], missing: str) -> Event:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(inbox).where(condition)).one_or_none()
        if row is None:
            raise NotFound(missing)
        return _event(row)

    def list_events(
        self, *, status: EventStatus | None = None, before: int | None = None, limit: int
    ) -> list[Event]:
        """Newest first, `limit` at most, older than the id `before`."""
        query = sa.select(inbox).order_by(inbox.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(inbox.c.status == status)
        if before is not None:
            query = query.where(inbox.c.id < before)
        with self._engine.connect() as connection:
            return [_event(row) for row in connection.execute(query)]

    def has_due(self, *, now: datetime, lane: Lane = Lane.EVENTS) -> bool:
        with self._engine.connect() as connection:
            return connection.scalar(FIRST_DUE[lane], _moments(now)) is not None

    def find_next(self, *, lane: Lane) -> datetime | None:
        """When the next event of a lane that waits, or is worked on, will be due or abandoned; None when there is none."""
        with self._engine.connect() as connection:
            moments = [connection.scalar(query) for query in NEXT_MOMENTS[lane]]
        return min((moment for moment in moments if moment), default=None)

    def count_backlog(self, *, now: datetime) -> Backlog:
        waiting = inbox.c.status.in_([EventStatus.PENDING, EventStatus.WORKING])
        with self._engine.connect() as connection:
            count, oldest = connection.execute(
                sa.select(sa.func.count(), sa.func.min(inbox.c.received_at)).where(waiting)
            ).one()
            dead = connection.scalar(sa.select(sa.func.count()).where(inbox.c.status == EventStatus.DEAD))
        age = (now - oldest).total_seconds() if oldest else 0.0
        return Backlog(waiting=count, dead=dead or 0, oldest_seconds=max(age, 0.0))

    def purge(self, *, received_before: datetime, source: Source) -> int:
        """Delete done events of one source received before a moment; answers how many."""
        done = inbox.c.status.in_([EventStatus.HANDLED, EventStatus.IGNORED])
        old = sa.delete(inbox).where(done, inbox.c.source == source, inbox.c.received_at < received_before)
        with self._engine.begin() as connection:
            return connection.execute(old).rowcount


def _is_due(lane: Lane) -> sa.ColumnElement[bool]:
    """To be executed with :func:`_moments`."""
    now: sa.BindParameter[datetime] = sa.bindparam("now")
    furthest: sa.BindParameter[datetime] = sa.bindparam("furthest")
    come, over = inbox.c.next_attempt_at <= now, inbox.c.lease_until < now
    waiting = (inbox.c.status == EventStatus.PENDING) & (come | (inbox.c.next_attempt_at > furthest))
    abandoned = (inbox.c.status == EventStatus.WORKING) & (over | (inbox.c.lease_until > furthest))
    return _is_in(lane) & (waiting | abandoned)


def _is_in(lane: Lane) -> sa.ColumnElement[bool]:
    is_reconcile = inbox.c.webhook_type == RECONCILE
    return is_reconcile if lane is Lane.RECONCILE else ~is_reconcile


def _moments(now: datetime) -> dict[str, datetime]:
    return {"now": now, "furthest": now + FURTHEST}


FIRST_DUE = {lane: sa.select(inbox.c.id).where(_is_due(lane)).order_by(inbox.c.id).limit(1) for lane in Lane}
"""Made once: it is asked all the time, and putting it together cost more than the answer."""
NEXT_MOMENTS = {
    lane: tuple(
        sa.select(sa.func.min(moment)).where(inbox.c.status == status, _is_in(lane))
        for status, moment in (
            (EventStatus.PENDING, inbox.c.next_attempt_at),
            (EventStatus.WORKING, inbox.c.lease_until),
        )
    )
    for lane in Lane
}


def _mine(event: Event) -> sa.Update:
    return sa.update(inbox).where(
        inbox.c.id == event.id,
        inbox.c.status == EventStatus.WORKING,
        inbox.c.lease_owner == event.lease_owner,
        inbox.c.attempts == event.attempts,
    )


def _row(event: NewEvent, now: datetime) -> dict[str, Any]:
    return {
        "unique_key": event.unique_key,
        "source": event.source,
        "webhook_type": event.webhook_type,
        "organization_id": event.organization_id,
        "body": event.body,
        "correlation_id": event.correlation_id,
        "received_at": now,
        "status": EventStatus.IGNORED if event.ignored else EventStatus.PENDING,
        "attempts": 0,
        "next_attempt_at": now,
        "outcome": "no handler for this type" if event.ignored else None,
    }


def _event(row: sa.Row[Any]) -> Event:
    return Event(**row._mapping)  # noqa: SLF001 - the public mapping view of a row
