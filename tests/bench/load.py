"""A load generator for HTTP: prepared requests over kept connections, cheap enough to share a machine with the server."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

PATIENCE = 30.0
"""Seconds that the last answers may take after the last request."""
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


class LoadFailed(Exception):
    """The server hung up, answered no HTTP, or did not answer in time."""


@dataclass(frozen=True)
class Sent:
    """What became of one request; moments are seconds of the monotonic clock."""

    due: float
    sent: float
    answered: float
    status: int

    @property
    def seconds(self) -> float:
        """From the moment at which it should have been sent: a server that stalls cannot hide the queue."""
        return self.answered - self.due

    @property
    def late(self) -> float:
        """How long the request waited here for a free connection or for this program."""
        return self.sent - self.due


@dataclass
class Load:
    """Requests that wait for a free connection, and what became of the others."""

    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    idle: deque["Connection"] = field(default_factory=deque)
    """Used in turn: one that rests for five seconds is hung up on."""
    done: list[Sent] = field(default_factory=list)
    expected: int = 0
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str = ""

    def offer(self, request: bytes, due: float) -> None:
        """Send now when a connection is free, else as soon as one is."""
        if self.idle:
            self.idle.popleft().send(request, due)
        else:
            self.waiting.append((due, request))

    def free(self, connection: "Connection") -> None:
        if self.waiting:
            due, request = self.waiting.popleft()
            connection.send(request, due)
        else:
            self.idle.append(connection)

    def record(self, sent: Sent) -> None:
        self.done.append(sent)
        if len(self.done) == self.expected:
            self.finished.set()

    def fail(self, why: str) -> None:
        self.failure = why
        self.finished.set()

    async def wait(self) -> list[Sent]:
        try:
            async with asyncio.timeout(PATIENCE):
                await self.finished.wait()
        except TimeoutError:
            self.failure = f"{self.expected - len(self.done)} answers did not come within {PATIENCE:g} s"
        if self.failure:
            raise LoadFailed(self.failure)
        return self.done


class Connection(asyncio.Protocol):
    """One kept connection with one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self._due = self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due, self._sent = due, time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(HEAD_END)
        if head_end < 0:
            return
        start = self._received.find(LENGTH, 0, head_end) + len(LENGTH)
        if start < len(LENGTH):
            self._load.fail(f"an answer has no length: {self._received[:head_end]!r}")
            return
        length = int(self._received[start : self._received.find(b"\r", start)])
        if len(self._received) < head_end + len(HEAD_END) + length:
            return
        status, self._received = int(self._received[9:12]), b""
        self._load.record(Sent(self._due, self._sent, time.monotonic(), status))
        self._load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.finished.is_set():
            self._load.fail(f"the server hung up ({exc or 'without an error'})")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def send_steadily(
    port: int, requests: Sequence[bytes], *, per_second: float, connections: int
) -> list[Sent]:
    """Open loop: every request has its moment, whether the earlier ones are answered or not."""
    load = Load(expected=len(requests))
    made = await connect(port, load, connections)
    begun = time.monotonic() + 0.1
    for number, request in zip(count(), requests, strict=False):
        due = begun + number / per_second
        wait = due - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        load.offer(request, due)
    return await finish(load, made)


async def send_as_fast_as_answered(port: int, requests: Sequence[bytes], *, connections: int) -> list[Sent]:
    """Closed loop: every connection sends its next request when it has its answer."""
    load = Load(expected=len(requests))
    now = time.monotonic()
    load.waiting.extend((now, request) for request in requests)
    made = await connect(port, load, connections)
    for connection in made:
        load.idle.remove(connection)
        load.free(connection)
    return await finish(load, made)


async def connect(port: int, load: Load, connections: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: Connection(load), "127.0.0.1", port)
        load.idle.append(connection)
    return list(load.idle)


async def finish(load: Load, made: Sequence[Connection]) -> list[Sent]:
    try:
        return await load.wait()
    finally:
        load.finished.set()
        for connection in made:
            connection.close()
