"""Real programs for tests, and waiting with a deadline."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis


def wait_until(condition: Callable[[], object], *, seconds: float = 10.0, what: str = "it") -> None:
    """Look every 10 ms until the condition holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_redis(folder: Path, port: int | None = None) -> Iterator[str]:
    """A redis-server of our own; yields its URL."""
    port = port or free_port()
    argv = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with (folder / "redis.log").open("ab") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: _answers(port), what="redis-server's first answer")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
