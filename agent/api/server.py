"""uvicorn's server without its clock: it looks ten times a second whether it should stop, this one is told."""

import asyncio
import socket
import sys
from contextlib import suppress
from types import FrameType

import uvicorn

STARTUP_FAILURE = 3
"""The exit status of uvicorn itself then."""
DATE_SECONDS = 5.0
"""How old the ``Date`` header may be: nobody keeps our answers by it, and an idle server is not woken for it more often."""


class QuietServer(uvicorn.Server):
    """Costs nothing while nobody asks; a signal ends it at once."""

    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal comes; ends the process when it could not begin."""
        with suppress(KeyboardInterrupt):
            super().run(sockets)
        if not self.started:
            sys.exit(STARTUP_FAILURE)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), DATE_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)
