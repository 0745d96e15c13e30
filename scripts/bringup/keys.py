"""Secrets of this installation: made once, readable by their owner only, never printed."""

import base64
import secrets
import uuid
from collections.abc import Callable
from pathlib import Path

from scripts.bringup.state import write_file


def make_password() -> str:
    return secrets.token_urlsafe(18)


def make_token() -> str:
    return secrets.token_urlsafe(32)


def make_fernet_key() -> str:
    """32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def make_uuid() -> str:
    return str(uuid.uuid4())


def ensure_secret(folder: Path, name: str, make: Callable[[], str]) -> str:
    """The stored secret of that name; made and stored where there is none."""
    stored = find_secret(folder, name)
    if stored is not None:
        return stored
    store_secret(folder, name, make())
    return find_secret(folder, name) or ""


def find_secret(folder: Path, name: str) -> str | None:
    path = folder / name
    return path.read_text(encoding="utf-8").strip() or None if path.exists() else None


def store_secret(folder: Path, name: str, value: str) -> None:
    write_file(folder / name, f"{value}\n", mode=0o600)
