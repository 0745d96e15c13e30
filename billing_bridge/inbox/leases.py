"""One worker at a time per subscription: a lease row with an owner, a purpose and an end."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa

from billing_bridge.db import insert_new, leases
from billing_bridge.errors import SubjectBusy


class Leases:
    """Leases held under one owner's name; `renew` keeps them while the process lives."""

    def __init__(
        self, engine: sa.Engine, *, owner: str, clock: Callable[[], datetime], duration: timedelta
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._duration = duration
        self._held: list[str] = []

    @contextmanager
    def hold(self, subject: str, *, purpose: str) -> Iterator[None]:
        """Hold `subject` for the block; raises `SubjectBusy`, naming the holder's purpose, when it is taken."""
        holder = f"{self._owner}/{uuid.uuid4().hex[:12]}"
        self._held.append(holder)
        try:
            self._take(subject, holder, purpose)
            try:
                yield
            finally:
                self._give_back(subject, holder)
        finally:
            self._held.remove(holder)

    def _give_back(self, subject: str, holder: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(leases).where(leases.c.subject == subject, leases.c.owner == holder))

    def renew(self) -> None:
        """Keep what is held; writes nothing while nothing is."""
        held = list(self._held)
        if not held:
            return
        until = self._clock() + self._duration
        with self._engine.begin() as connection:
            connection.execute(sa.update(leases).where(leases.c.owner.in_(held)).values(until=until))

    def _take(self, subject: str, holder: str, purpose: str) -> None:
        now = self._clock()
        row = {
            "subject": subject,
            "owner": holder,
            "purpose": purpose[:200],
            "until": now + self._duration,
        }
        with self._engine.begin() as connection:
            if connection.execute(insert_new(self._engine, leases), row).rowcount == 1:
                return
            # A lease that ends later than any that is taken now was taken by a clock that was ahead.
            is_over = (leases.c.until < now) | (leases.c.until > now + 2 * self._duration)
            expired = connection.execute(
                sa.update(leases).where(leases.c.subject == subject, is_over).values(row)
            )
            if expired.rowcount == 1:
                return
            busy_with = connection.execute(
                sa.select(leases.c.purpose).where(leases.c.subject == subject)
            ).scalar()
        raise SubjectBusy(
            f"Subscription {subject} is being worked on ({busy_with or 'just finished'}); it is tried again at once.",
            subject=subject,
        )
