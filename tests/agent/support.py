"""What the agent's tests share: real processes, waiting with a deadline."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.executors.process import ProcessExecutor

ROOT = Path(__file__).parents[2]


def wait_until(
    condition: Callable[[], object], seconds: float = 20.0, what: str = "it did not happen"
) -> None:
    """Look every 10 ms until the condition holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    argv: tuple[str, ...], log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the block and end it afterwards."""
    with (
        log.open("ab") as output,
        subprocess.Popen(argv, stdout=output, stderr=output, cwd=ROOT, env=env) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def benches(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The benches' supervisor as a process of its own, answering."""
    data_dir.mkdir(parents=True, exist_ok=True)
    code = f"import pathlib; from agent.executors.process import ProcessExecutor; ProcessExecutor(pathlib.Path({str(data_dir)!r})).serve()"
    with running((sys.executable, "-c", code), data_dir / "benches.log") as process:
        executor = ProcessExecutor(data_dir)
        wait_until(executor.is_reachable, what="supervisord does not answer")
        yield process
