"""Where backups go: a local folder, the embedded default, or any S3."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Finding:
    """One thing that was tried with the store, and whether it went as it must."""

    name: str
    is_ok: bool
    message: str


class BackupStore(Protocol):
    """Keeps objects under names; an object that stands is never overwritten with other content."""

    def locate(self, name: str) -> str:
        """The location (``folder:<name>``) that an object of this name has, stored or not."""

    def put(self, name: str, source: Path) -> str:
        """Store the file durably. Returns its location. Raises ``backup_conflict``."""

    def read_back(self, location: str, destination: Path) -> None:
        """Fetch the stored object into a file. Raises ``backup_missing``."""

    def delete(self, location: str) -> bool:
        """Remove the object and halves of it. Returns whether there was any. Raises ``backup_locked``."""

    def exists(self, location: str) -> bool: ...

    def check(self) -> Iterator[Finding]:
        """Try what backups need, with objects of its own that are removed again."""
