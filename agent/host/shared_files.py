"""Files below a folder that a bench writes to as well: reached part by part from its root, never through a link.

Whoever took a bench over may exchange any name below for a link, a pipe or a huge file, also between a look and a use. So nothing here
is looked at by its path: each folder is opened in the one before, and what is not a plain folder or a plain file is refused.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from agent.errors import AgentError

SMALL_BYTES = 256 << 10
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe without a writer would hold whoever opens it."""


class PathUnsafe(AgentError):
    """Something lies where a bench may write that would lead elsewhere."""

    code: ClassVar[str] = "path_unsafe"
    title: ClassVar[str] = "A file of the bench is not what it should be"


@contextmanager
def opened_folder(root: Path, *parts: str, make: bool = False) -> Iterator[int]:
    """A folder's handle for the block. Raises ``FileNotFoundError``, and :class:`PathUnsafe` for a link on the way."""
    handle = os.open(root, FOLDER_FLAGS)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o750, dir_fd=handle)
            following = _open(part, FOLDER_FLAGS, handle)
            os.close(handle)
            handle = following
        yield handle
    finally:
        os.close(handle)


def read_small(root: Path, *parts: str) -> str:
    """The text of a small plain file. Raises ``FileNotFoundError`` and :class:`PathUnsafe`."""
    with opened_folder(root, *parts[:-1]) as folder:
        handle = _open(parts[-1], FILE_FLAGS, folder)
        with os.fdopen(handle, "rb") as stream:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode) or state.st_size > SMALL_BYTES:
                raise _refuse(parts[-1])
            return stream.read(SMALL_BYTES).decode(errors="replace")


def write_whole(root: Path, *parts: str, text: str, mode: int = 0o600) -> None:
    """Write the whole file or leave what stood there; durable when it returns."""
    part = f".{parts[-1]}.{secrets.token_hex(6)}"
    with opened_folder(root, *parts[:-1]) as folder:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(handle)
            os.replace(part, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)
            raise
        os.fsync(folder)


def remove(root: Path, *parts: str) -> bool:
    """Remove a file, a link or a folder with all in it. Returns whether there was anything."""
    try:
        with opened_folder(root, *parts[:-1]) as folder:
            try:
                os.unlink(parts[-1], dir_fd=folder)
            except IsADirectoryError:
                # It follows no link, whatever is exchanged meanwhile.
                shutil.rmtree(parts[-1], dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def move(source: Path, destination: Path, name: str, *parts: str) -> bool:
    """Move a folder from one that only we write to into a shared one. Returns whether there was any."""
    with opened_folder(destination, *parts) as folder:
        try:
            os.rename(source / name, name, dst_dir_fd=folder)
        except FileNotFoundError:
            return False
    return True


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _refuse(name) from error


def _refuse(name: str) -> PathUnsafe:
    return PathUnsafe(
        f"{name} is a link or something else that nobody of ours makes. It was not followed; look at who has been on this bench."
    )
