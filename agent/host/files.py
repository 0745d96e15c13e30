"""Files that are either whole or absent after a crash."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

CHUNK_BYTES = 1 << 20
PART = ".part"


def write_atomic(path: Path, data: str | bytes, *, mode: int = 0o640) -> None:
    """Write the whole file or leave what stood there; durable when it returns."""
    raw = data.encode() if isinstance(data, str) else data
    _replace_durably(path, mode, lambda target: target.write(raw))


def copy_durably(source: Path, destination: Path) -> None:
    """Copy a file so that the destination is whole and on disk when it returns; an older one is replaced."""
    mode = source.stat().st_mode & 0o777
    with source.open("rb") as reader:
        _replace_durably(destination, mode, lambda target: shutil.copyfileobj(reader, target, CHUNK_BYTES))


def link_durably(source: Path, destination: Path) -> None:
    """Give a file of the same disk a second name, on disk when it returns; what had that name is replaced."""
    fresh = destination.with_name(f".{destination.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.hardlink_to(source)
    fresh.replace(destination)
    sync_directory(destination.parent)


def write_durably(destination: Path, pieces: Iterable[bytes], *, mode: int = 0o640) -> None:
    """Write what comes piece by piece, whole and on disk when it returns; an older file is replaced."""
    _replace_durably(destination, mode, lambda target: target.writelines(pieces))


def move(source: Path, destination: Path) -> None:
    """Give a file another name on the same disk; what stood there is replaced."""
    source.replace(destination)


def remove_tree(path: Path) -> bool:
    """Remove a file or a folder with all in it. Returns whether there was anything; a symbolic link is not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return True
    if not path.exists():
        return False
    shutil.rmtree(path)
    return True


def remove_halves(path: Path) -> None:
    """Remove what killed writers of this file left beside it. Call it only where nobody else can be writing it."""
    for left in path.parent.glob(f".{path.name}.*{PART}"):
        left.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file's content."""
    with path.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; 0 where there is nothing."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except FileNotFoundError:
                continue  # Removed while we were counting: a running site does that.
    return total


def make_directory(path: Path, mode: int = 0o750) -> None:
    """Make the folder and those above it; one that stands is left as it is."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)


def free_bytes(path: Path) -> int:
    """Return the bytes that are free for us on the disk that holds ``path``."""
    return shutil.disk_usage(path).free


def sync_directory(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace_durably(path: Path, mode: int, fill: Callable[[IO[bytes]], object]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            fill(target)
            target.flush()
            os.fchmod(target.fileno(), mode)
            os.fsync(target.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
