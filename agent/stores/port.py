"""Where backups go. The embedded default is a local folder; S3 is another adapter of the same port."""

from pathlib import Path
from typing import Protocol


class BackupStore(Protocol):
    """Keeps objects under names; an object that stands is never overwritten with other content."""

    def put(self, name: str, source: Path) -> str:
        """Store the file durably. Returns its location (``folder:<name>``)."""

    def read_back(self, location: str, destination: Path) -> None:
        """Fetch the stored object into a file. Raises ``backup_missing``."""

    def delete(self, location: str) -> bool: ...

    def exists(self, location: str) -> bool: ...
