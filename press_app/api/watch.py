"""Follows the journal once for all streams of this process."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import takewhile

import anyio
import anyio.to_thread
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from press_app.work import journal
from press_app.work.bell import JOURNAL_CHANNEL
from press_app.work.model import JournalRow
from press_app.work.unit_of_work import Work

log = structlog.get_logger(__name__)

KEPT = 1000
"""So many of the newest lines are held in memory; streams that are behind read the database."""
BATCH = 500
FALLBACK_SECONDS = 1.0
PATIENCE_SECONDS = 1.0


class Horizon:
    """Up to which id the journal is whole.

    On MariaDB an id is given before its transaction commits, so 8 can be seen before 7. A gap is waited for
    for a while; then it was a transaction that was rolled back.
    """

    def __init__(self, at: int, *, patience: float = PATIENCE_SECONDS) -> None:
        self.at = at
        self._patience = patience
        self._gaps: list[tuple[int, int, float]] = []

    @property
    def is_waiting(self) -> bool:
        return bool(self._gaps)

    def see(self, ids: Sequence[int], now: float) -> int:
        """Take in the ids after :attr:`at` that can be seen now (seconds, monotonic). Returns the new horizon."""
        gaps = []
        before = self.at
        for seen in sorted(ids):
            if seen > before + 1:
                gaps.append((before + 1, seen - 1, self._since(before + 1, now)))
            before = max(before, seen)
        gaps = [gap for gap in gaps if now - gap[2] < self._patience]
        self.at = max(self.at, gaps[0][0] - 1 if gaps else before)
        self._gaps = gaps
        return self.at

    def _since(self, first: int, now: float) -> float:
        """A gap that is filled in part goes on waiting from when it was first seen."""
        return next((since for low, high, since in self._gaps if low <= first <= high), now)


class JournalWatch:
    """Wakes streams when lines have settled; Redis says when to look, a poll covers for it."""

    def __init__(
        self, work: Work, redis_url: str | None, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._work = work
        self._redis_url = redis_url
        self._timer = timer
        self._horizon = Horizon(0)
        self._recent: deque[JournalRow] = deque(maxlen=KEPT)
        self._floor = 0
        self._listeners = 0
        self._is_settled = False
        self._look = anyio.Event()
        self._grown = anyio.Event()
        self._readers = anyio.CapacityLimiter(8)

    @property
    def horizon(self) -> int:
        return self._horizon.at

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the journal while the application lives."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow)
            if self._redis_url is not None:
                tasks.start_soon(self._listen, self._redis_url)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep the watch awake; it does nothing while nobody listens."""
        if self._listeners == 0:
            self._is_settled = False
        self._listeners += 1
        self._look.set()
        try:
            while not self._is_settled:
                await self.wait(FALLBACK_SECONDS)
            yield
        finally:
            self._listeners -= 1

    async def wait(self, seconds: float) -> None:
        """Until lines settle, at most ``seconds``."""
        with anyio.move_on_after(seconds):
            await self._grown.wait()

    async def read(
        self, cursor: int, *, team_ids: Sequence[str] | None, subject: str | None
    ) -> tuple[list[JournalRow], int]:
        """Settled lines after ``cursor`` for these teams (None: all), and where to go on."""
        end = self.horizon
        if cursor >= self._floor:
            # From the newest back to the cursor: a stream that keeps up looks at what is new and at nothing else.
            news = takewhile(lambda row: row.id > cursor, reversed(self._recent))
            rows = [row for row in news if row.id <= end and _is_for(row, team_ids, subject)]
            return rows[::-1], max(cursor, end)

        def read() -> list[JournalRow]:
            with self._work.read() as session:
                return journal.read_after(
                    session, cursor, team_ids=team_ids, subject=subject, until=end, limit=BATCH
                )

        rows = await anyio.to_thread.run_sync(read, limiter=self._readers)
        return rows, rows[-1].id if len(rows) == BATCH else max(cursor, end)

    async def _follow(self) -> None:
        while True:
            if self._listeners == 0:
                await self._look.wait()
            else:
                pause = FALLBACK_SECONDS / 10 if self._horizon.is_waiting else FALLBACK_SECONDS
                with anyio.move_on_after(pause):
                    await self._look.wait()
            self._look = anyio.Event()
            if self._listeners == 0:
                continue
            try:
                await self._scan()
            except SQLAlchemyError as error:
                log.warning("watch.database_away", error=type(error).__name__)
                await anyio.sleep(FALLBACK_SECONDS)

    async def _scan(self) -> None:
        if not self._is_settled:
            await anyio.to_thread.run_sync(self._begin, limiter=self._readers)
        before = self.horizon
        rows = await anyio.to_thread.run_sync(self._read_new, limiter=self._readers)
        end = self._horizon.see([row.id for row in rows], self._timer())
        for row in rows:
            if row.id <= end:
                self._keep(row)
        if end > before or not self._is_settled:
            self._is_settled = True
            self._grown.set()
            self._grown = anyio.Event()
        if len(rows) == KEPT:
            self._look.set()

    def _begin(self) -> None:
        """Start from the newest lines; gaps among those that are not quite new will not be filled any more."""
        with self._work.read() as session:
            floor = max(0, journal.last_id(session) - KEPT)
            rows = journal.read_after(session, floor, team_ids=None, limit=KEPT)
        border = self._work.clock.now() - timedelta(seconds=2 * PATIENCE_SECONDS)
        old = [row for row in rows if row.at < border]
        start = rows[0].id - 1 if rows else floor
        self._horizon = Horizon(old[-1].id if old else start)
        self._recent.clear()
        self._floor = floor
        for row in rows:
            if row.id <= self.horizon:
                self._keep(row)

    def _keep(self, row: JournalRow) -> None:
        if len(self._recent) == KEPT:
            self._floor = self._recent[0].id
        self._recent.append(row)

    def _read_new(self) -> list[JournalRow]:
        with self._work.read() as session:
            return journal.read_after(session, self.horizon, team_ids=None, limit=KEPT)

    async def _listen(self, url: str) -> None:
        while True:
            try:
                async with Redis.from_url(url) as redis, redis.pubsub() as channel:
                    await channel.subscribe(JOURNAL_CHANNEL)
                    async for _ in channel.listen():
                        self._look.set()
            except (RedisError, OSError):
                await anyio.sleep(FALLBACK_SECONDS)


def _is_for(row: JournalRow, team_ids: Sequence[str] | None, subject: str | None) -> bool:
    return (team_ids is None or row.team_id in team_ids) and (subject is None or row.subject == subject)
