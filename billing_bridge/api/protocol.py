"""HTTP over one connection with the limits that uvicorn has none for: how long, and how much beside the body."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS = 15.0
"""How long a connection may take for the head of a request, or for the rest of a body that was answered already."""
FRAMING = 8
"""So many bytes of framing a byte of a chunked body may need; more is no body."""


TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """What uvicorn makes for each connection; it hangs up on whoever asks for nothing, or endlessly."""

    max_header_bytes = 65_536
    _deadline: asyncio.TimerHandle | None = None
    _received = 0
    _body = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._received - self._body > self.max_header_bytes + FRAMING * self._body:
            self._refuse()
        self._watch()

    def on_message_begin(self) -> None:
        self._received = self._body = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Keep a clock running while nothing is being answered and uvicorn's own is not running."""
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            self._unwatch()
        elif self._deadline is None and self.timeout_keep_alive_task is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        """Answer when nobody else does, and hang up."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(TOO_LARGE)
        self.transport.close()


def make_protocol(max_header_bytes: int) -> type[BoundedProtocol]:
    """The class for these settings: a longer head, or as much beside a body, ends the connection."""
    return type("Protocol", (BoundedProtocol,), {"max_header_bytes": max_header_bytes})
