"""The state folder: where everything of one installation stands, and what ``up.json`` remembers."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from scripts.bringup.errors import UpError

ROOT = Path(__file__).resolve().parents[2]
MAX_SOCKET_PATH = 100
"""A unix socket's path has 108 bytes at most; supervisor appends a few while it binds."""
OWNED = (
    "agent",
    "backups",
    "bridge",
    "edge",
    "env",
    "log",
    "press",
    "redis",
    "run",
    "sandbox",
    "secrets",
    "supervisor",
)
"""Folders of the state folder that ``--reset`` removes; anything else in it is not ours."""


@dataclass(frozen=True)
class Paths:
    """Folders and files of one installation."""

    state: Path

    @property
    def record(self) -> Path:
        return self.state / "up.json"

    @property
    def lock(self) -> Path:
        return self.state / "up.lock"

    @property
    def env(self) -> Path:
        return self.state / "env"

    @property
    def settings(self) -> Path:
        """Env files by the owner's hand, under the same names; ``up`` reads them and never writes them."""
        return self.state / "settings"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def supervisor(self) -> Path:
        return self.state / "supervisor"

    @property
    def socket(self) -> Path:
        """Supervisor's socket; in the temporary folder where the state folder's path is too long for one."""
        near = self.state / "run" / "supervisor.sock"
        if len(str(near)) <= MAX_SOCKET_PATH:
            return near
        name = hashlib.sha256(str(self.state).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"press-{os.getuid()}-{name}.sock"

    def make(self) -> None:
        """Make the folders; they hold secrets and tenants' data, so they are closed to others."""
        for name in OWNED:
            folder = self.state / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)


@dataclass
class Record:
    """What one ``up`` leaves for the next and for other programs."""

    ports: dict[str, int] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    """Step of the set-up → fingerprint of what it was done for."""
    code: str = ""
    """Fingerprint of the code that the programs were started from."""
    timings: list[dict[str, Any]] = field(default_factory=list)
    demo: dict[str, Any] = field(default_factory=dict)
    engine: str = ""
    """The ERP that its first bench runs; chosen by the first up."""
    sources: list[str] = field(default_factory=list)
    """``app=url@commit`` of what that bench is built from."""


def load_record(paths: Paths) -> Record:
    """The stored record, or an empty one. Raises UpError when the file is not what was written."""
    if not paths.record.exists():
        return Record()
    try:
        stored: dict[str, Any] = json.loads(paths.record.read_text(encoding="utf-8"))
        return Record(**{name: stored[name] for name in stored.keys() & Record.__dataclass_fields__.keys()})
    except (ValueError, AttributeError) as error:
        message = f"{paths.record} cannot be read ({error}); remove it and run up again: ports may change, data stays."
        raise UpError(message) from error


def save_record(paths: Paths, record: Record) -> None:
    write_file(paths.record, json.dumps(asdict(record), indent=1) + "\n", mode=0o600)


def write_file(path: Path, text: str, *, mode: int = 0o644) -> bool:
    """Make the file hold this text, atomically; False when it did already."""
    if path.exists() and path.read_text(encoding="utf-8") == text and (path.stat().st_mode & 0o777) == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary = Path(name)
    temporary.chmod(mode)
    temporary.replace(path)
    return True


@contextmanager
def hold_lock(paths: Paths) -> Iterator[None]:
    """One ``up`` at a time on one state folder."""
    paths.state.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("w", encoding="utf-8") as stream:
        try:
            flock(stream, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            message = (
                f"another up is at work on {paths.state}; wait until it has finished. Nothing was changed."
            )
            raise UpError(message) from error
        yield
