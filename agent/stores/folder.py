"""Backups in a local folder, durable when ``put`` returns."""

import uuid
from collections.abc import Iterator
from pathlib import Path

from agent.host import files
from agent.stores.errors import BackupConflict, BackupMissing, StoreMisnamed
from agent.stores.names import check_name, name_at
from agent.stores.port import Finding

SCHEME = "folder"


class FolderStore:
    """Keeps each object as one file below the root; a half-written one never has an object's name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def locate(self, name: str) -> str:
        return f"{SCHEME}:{check_name(name)}"

    def put(self, name: str, source: Path) -> str:
        """Store the file durably. Returns ``folder:<name>``. Raises :class:`BackupConflict`."""
        target = self._root / check_name(name)
        location = self.locate(name)
        if target.exists():
            if files.sha256_of(target) != files.sha256_of(source):
                raise BackupConflict(
                    f"{location} stands already with other content and was left as it is. Use a new backup id.",
                    location=location,
                )
            return location
        self._make_folders(target.parent)
        # One job makes one backup, so a half that stands is of its own killed attempt; it may be large.
        files.remove_halves(target)
        files.copy_durably(source, target)
        return location

    def read_back(self, location: str, destination: Path) -> None:
        """Fetch the stored object into a file. Raises :class:`BackupMissing`."""
        source = self._path(location)
        if not source.is_file():
            raise BackupMissing(
                f"{location} is not in the store; the site was not touched. Choose another backup.",
                location=location,
            )
        files.copy_durably(source, destination)

    def delete(self, location: str) -> bool:
        path = self._path(location)
        files.remove_halves(path)
        return files.remove_tree(path)

    def exists(self, location: str) -> bool:
        return self._path(location).is_file()

    def check(self) -> Iterator[Finding]:
        """Write a file and remove it."""
        probe = self._root / f".check-{uuid.uuid4()}"
        try:
            self._make_folders(self._root)
            files.write_atomic(probe, "probe")
            files.remove_tree(probe)
        except OSError as error:
            message = f"{self._root} cannot be written to ({error.strerror}); no backup can be stored"
            yield Finding("store", is_ok=False, message=message)
            return
        yield Finding("store", is_ok=True, message=f"{self._root} takes a file")
        message = "a folder locks nothing: whoever may write into it can delete every backup"
        yield Finding("lock", is_ok=True, message=message)

    def _path(self, location: str) -> Path:
        path = self._root / name_at(location, SCHEME)
        # Somebody who may write into the store could put a link there that leads to any file of the host.
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise StoreMisnamed(f"{location} leads out of the store. Nothing was touched; look at the store.")
        return path

    def _make_folders(self, folder: Path) -> None:
        """Make the folders and their names durable: a backup in a folder that a power cut forgets is none."""
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        files.make_directory(folder)
        for made in missing:
            files.sync_directory(made.parent)
