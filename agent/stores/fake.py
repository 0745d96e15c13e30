"""A store in memory that remembers what was asked of it."""

from collections.abc import Iterator
from pathlib import Path

from agent.stores.errors import BackupConflict, BackupLocked, BackupMissing
from agent.stores.names import check_name, name_at
from agent.stores.port import Finding

SCHEME = "fake"


class FakeStore:
    """Keeps objects in a dictionary; ``damage`` changes one as a bad disk would."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.locked_until: str | None = None
        """While it is set, nothing can be deleted."""

    def locate(self, name: str) -> str:
        return f"{SCHEME}:{check_name(name)}"

    def put(self, name: str, source: Path) -> str:
        self.calls.append(("put", check_name(name)))
        content = source.read_bytes()
        if self.objects.setdefault(name, content) != content:
            raise BackupConflict(f"{name} stands already with other content and was left as it is.")
        return self.locate(name)

    def read_back(self, location: str, destination: Path) -> None:
        self.calls.append(("read_back", location))
        name = name_at(location, SCHEME)
        if name not in self.objects:
            raise BackupMissing(f"{location} is not in the store; the site was not touched.")
        destination.write_bytes(self.objects[name])

    def delete(self, location: str) -> bool:
        self.calls.append(("delete", location))
        name = name_at(location, SCHEME)
        if name in self.objects and self.locked_until is not None:
            message = f"{location} is locked until {self.locked_until}; nothing was removed."
            raise BackupLocked(message, until=self.locked_until)
        return self.objects.pop(name, None) is not None

    def exists(self, location: str) -> bool:
        return name_at(location, SCHEME) in self.objects

    def check(self) -> Iterator[Finding]:
        yield Finding("store", is_ok=True, message="in memory")

    def damage(self, location: str) -> None:
        """Flip the last byte of a stored object."""
        name = name_at(location, SCHEME)
        content = self.objects[name]
        self.objects[name] = content[:-1] + bytes([content[-1] ^ 1])
