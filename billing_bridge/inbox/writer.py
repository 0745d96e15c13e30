"""Group commit: deliveries that arrive together share one sync to disk, each is answered after it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from billing_bridge.inbox.store import InboxStore, NewEvent

LARGEST_GROUP = 256


class InboxWriter:
    """Belongs to one event loop; while one group is being written, the next one gathers."""

    def __init__(self, store: InboxStore, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[tuple[NewEvent, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, event: NewEvent) -> bool:
        """Store `event` durably; True when it is new. Raises what the database raises."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
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
