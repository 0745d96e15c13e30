"""Where a Tryton bench keeps its databases."""

from collections.abc import Iterable
from pathlib import Path

from agent.engines.door.layout import BenchFolder, check_name, refuse_link

SHARED = ("databases", "locks", "run", "used")


class TrytonFolder(BenchFolder):
    """Paths of one bench. A site's database has the site's id as its name."""

    @property
    def databases(self) -> Path:
        return self.path / "databases"

    def database(self, site_id: str) -> Path:
        return refuse_link(self.databases / f"{check_name(site_id)}.sqlite")

    def data(self, site_id: str) -> Path:
        return self.database(site_id)

    def list_data(self) -> Iterable[str]:
        return (path.stem for path in self.databases.glob("*.sqlite") if path.name[0] != ".")

    def restoring(self, site_id: str) -> Path:
        return self.databases / f".{check_name(site_id)}.restoring"

    def work(self, site_id: str) -> Path:
        """Private copies that a program of the release works on; the bench does not see them."""
        return self.path / "work" / check_name(site_id)

    def side_files(self, site_id: str) -> tuple[Path, Path]:
        database = self.database(site_id)
        return (database.with_name(f"{database.name}-wal"), database.with_name(f"{database.name}-shm"))

    def traces(self, site_id: str) -> tuple[Path, ...]:
        """All that can stand of a site, in the order of its removal.

        The database goes before its log: without the log it would look whole and lack what was written last.
        The lock goes last, so that it stands as long as anything is left to do.
        """
        data = (
            self.database(site_id),
            *self.side_files(site_id),
            self.restoring(site_id),
            self.work(site_id),
        )
        return (*data, self.tokens(site_id), self.used(site_id), self.site(site_id), self.lock(site_id))

    @property
    def shared(self) -> tuple[Path, ...]:
        return tuple(self.path / name for name in SHARED)
