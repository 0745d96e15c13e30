"""A fingerprint of the code that runs, so that an ``up`` after an update restarts what changed, and only then."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

FOLDERS = ("press_app", "agent", "billing_bridge", "traefik", "images", "requirements", "scripts/lib")
BASE = ("requirements/runtime.txt", "scripts/bringup/supervisord.py")


def fingerprint_code(root: Path) -> str:
    """Names, sizes and times of the programs' files."""
    files = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*")))
    return _fingerprint(root, files)


def fingerprint_base(root: Path) -> str:
    """The same of what supervisor itself has loaded, and with it every program: only a new supervisor has new libraries."""
    return _fingerprint(root, (root / name for name in BASE))


def _fingerprint(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.is_file() and "__pycache__" not in path.parts:
            stat = path.stat()
            digest.update(f"{path.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
