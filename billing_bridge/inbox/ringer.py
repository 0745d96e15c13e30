"""Rings the doorbell for many deliveries at once: at the first one, and once more for all that came meanwhile."""

import asyncio

from billing_bridge.inbox.doorbell import Doorbell

PAUSE = 0.02
"""Seconds between two rings of a crowd; a worker that was woken sees every row that is committed by then."""


class Ringer:
    """Belongs to one event loop; whatever the bell's state, it holds up one thread at most and no answer."""

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._is_wanted = False
        self._task: asyncio.Task[None] | None = None

    def ring_soon(self) -> None:
        """Ring after what is committed now; at once unless it rang just before."""
        self._is_wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            await asyncio.to_thread(self._doorbell.ring)
            await asyncio.sleep(PAUSE)
