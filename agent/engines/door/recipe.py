"""Names for what is made of files: the same files, the same name."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from agent.host import files


def digest(paths: Iterable[Path], salt: str = "") -> str:
    """Twelve digits of the hash of names and contents."""
    total = hashlib.sha256(salt.encode())
    for path in paths:
        total.update(f"{path.name} {files.sha256_of(path)}\n".encode())
    return total.hexdigest()[:12]


def list_code(folder: Path) -> list[Path]:
    """All files below a folder that somebody wrote."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
