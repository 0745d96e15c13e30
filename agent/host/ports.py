"""Ports for benches on the loopback interface."""

import socket
from collections.abc import Collection
from typing import ClassVar

from agent.errors import AgentError

LAST_PORT = 65535


class NoFreePort(AgentError):
    """Every port of the range is taken."""

    code: ClassVar[str] = "no_free_port"
    title: ClassVar[str] = "No port is free"


def find_free_port(start: int, *, avoid: Collection[int] = ()) -> int:
    """Return the first port from ``start`` that can be bound on 127.0.0.1 now and is not in ``avoid``."""
    for port in range(start, LAST_PORT + 1):
        if port not in avoid and _is_free(port):
            return port
    raise NoFreePort(
        f"No port from {start} up is free on 127.0.0.1. Nothing was started; set PRESS_AGENT_BENCH_PORT_START lower."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
