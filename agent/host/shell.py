"""Runs commands: fixed argument tuples, a time limit, the whole process group killed when it is over."""

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, ClassVar

from agent.errors import AgentError

REDACTED = "[redacted]"
TAIL_LINES = 20
GRACE_SECONDS = 2.0
CHUNK_BYTES = 65536


class CommandFailed(AgentError):
    """A command ended with an error or ran out of time."""

    code: ClassVar[str] = "command_failed"
    title: ClassVar[str] = "A command on the host failed"

    def __init__(self, argv: tuple[str, ...], returncode: int | None, tail: str) -> None:
        how = "ran out of time and was stopped" if returncode is None else f"ended with status {returncode}"
        message = f"The command `{shlex.join(argv)}` {how}. Its last output:\n{tail or '(none)'}"
        super().__init__(message, argv=list(argv), returncode=returncode)
        self.argv = argv
        self.returncode = returncode
        self.tail = tail


class _Output:
    """Splits what a command prints into lines, hides values, remembers all of it."""

    def __init__(self, on_line: Callable[[str], None] | None, hide: tuple[str, ...]) -> None:
        self._on_line = on_line
        self._hide = tuple(sorted((value for value in hide if value), key=len, reverse=True))
        self._rest = b""
        self._lines: list[str] = []

    def redact(self, text: str) -> str:
        for value in self._hide:
            text = text.replace(value, REDACTED)
        return text

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)

    def close(self) -> None:
        if self._rest:
            self._take(self._rest)
            self._rest = b""

    def _take(self, raw: bytes) -> None:
        line = self.redact(raw.decode(errors="replace").rstrip("\r"))
        self._lines.append(line)
        if self._on_line is not None:
            self._on_line(line)

    def text(self) -> str:
        return "\n".join(self._lines)

    def tail(self) -> str:
        return "\n".join(deque(self._lines, maxlen=TAIL_LINES))


def run(
    argv: tuple[str, ...],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout_seconds: float,
    on_line: Callable[[str], None] | None = None,
    hide: tuple[str, ...] = (),
) -> str:
    """Run a command and return its merged output with the ``hide`` values redacted.

    ``env`` is the whole environment of the command (``None``: this process's). Raises :class:`CommandFailed` when it
    cannot be started, ends with another status than 0 or takes longer than ``timeout_seconds``.
    """
    output = _Output(on_line, hide)
    shown = tuple(output.redact(part) for part in argv)
    try:
        process = _start(argv, cwd, env, has_stdin=stdin is not None)
    except OSError as error:
        raise CommandFailed(shown, 127, output.redact(str(error))) from error
    in_time = False
    try:
        in_time = _pump(process, stdin, output, time.monotonic() + timeout_seconds)
    finally:
        if not in_time:
            _kill_group(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        output.close()
    if not in_time:
        raise CommandFailed(shown, None, output.tail())
    if process.returncode != 0:
        raise CommandFailed(shown, process.returncode, output.tail())
    return output.text()


def _start(
    argv: tuple[str, ...], cwd: Path | None, env: Mapping[str, str] | None, *, has_stdin: bool
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _pump(process: subprocess.Popen[bytes], stdin: str | None, output: _Output, deadline: float) -> bool:
    """Feed and drain the command until it ends. Returns False when time ran out first."""
    to_write = memoryview((stdin or "").encode())
    with selectors.DefaultSelector() as selector:
        _register(selector, process)
        while selector.get_map() and (process.poll() is None or _is_readable(process)):
            if time.monotonic() >= deadline:
                return False
            for key, _ in selector.select(min(0.5, max(0.0, deadline - time.monotonic()))):
                if key.fileobj is process.stdin:
                    to_write = _write(selector, process.stdin, to_write)
                else:
                    _read(selector, process.stdout, output)
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _register(selector: selectors.BaseSelector, process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
    if process.stdout is not None:
        selector.register(process.stdout, selectors.EVENT_READ)


def _write(selector: selectors.BaseSelector, pipe: IO[bytes], data: memoryview) -> memoryview:
    try:
        data = data[os.write(pipe.fileno(), data[:CHUNK_BYTES]) :] if data else data
    except BlockingIOError:
        return data
    except BrokenPipeError:
        data = memoryview(b"")
    if not data:
        selector.unregister(pipe)
        pipe.close()
    return data


def _read(selector: selectors.BaseSelector, pipe: IO[bytes] | None, output: _Output) -> None:
    if pipe is None:
        return
    data = os.read(pipe.fileno(), CHUNK_BYTES)
    if data:
        output.feed(data)
    else:
        selector.unregister(pipe)


def _is_readable(process: subprocess.Popen[bytes]) -> bool:
    """Say whether output is left; a child that inherited the pipe may keep it open long after the command ended."""
    if process.stdout is None or process.stdout.closed:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return bool(selector.select(0))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole process group to end, then make it."""
    for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.poll()
