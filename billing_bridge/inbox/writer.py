"""Group commit: deliveries that arrive together share one sync to disk, each is answered after it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from billing_bridge.inbox.events import NewEvent
from billing_bridge.inbox.store import InboxStore

LARGEST_GROUP = 256
PACE = 0.003
"""Seconds from one commit to the next in a crowd: a commit costs as much as ten deliveries, and the first never waits."""


class InboxWriter:
    """Belongs to one event loop; while one group is being written, the next one gathers.

    `on_work` is called after each commit that brought work for a worker.
    """

    def __init__(
        self, store: InboxStore, *, clock: Callable[[], datetime], on_work: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_work = on_work
        self._waiting: list[tuple[NewEvent, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None
        self._next = 0.0

    async def put(self, event: NewEvent) -> bool:
        """Store `event` durably; True when it is new. Raises what the database raises."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(self._next - loop.time())
            self._next = loop.time() + PACE
            group, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
            try:
                stored = await asyncio.to_thread(
                    self._store.insert, [event for event, _ in group], now=self._clock()
                )
            except Exception as error:  # noqa: BLE001 - each sender is told; the error is raised in its request
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), is_new in zip(group, stored, strict=True):
                if not future.done():
                    future.set_result(is_new)
            if any(is_new and not event.ignored for (event, _), is_new in zip(group, stored, strict=True)):
                self._on_work()
