"""A fingerprint of the code that runs, so that an ``up`` after an update starts it, and only then."""

import hashlib
from pathlib import Path

FOLDERS = (
    "press_app",
    "agent",
    "billing_bridge",
    "traefik",
    "images",
    "requirements",
    "scripts/lib",
    "scripts/bringup",
)


def fingerprint_code(root: Path) -> str:
    """Names, sizes and times of the programs' files."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                stat = path.stat()
                digest.update(f"{path.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
