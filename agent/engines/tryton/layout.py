"""Where a bench keeps what: ``<data_dir>/benches/tryton/<bench_id>/``."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from agent.engines.errors import BenchUnknown, SiteDataUnreadable
from agent.errors import AgentError
from agent.host import files

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SHARED = ("databases", "sites", "tokens", "locks", "run")


class NameInvalid(AgentError):
    """An id that cannot be a file name and a part of an address."""

    code: ClassVar[str] = "name_invalid"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The id cannot be used"


def check_name(name: str) -> str:
    """Return a site's or bench's id as it is. Raises :class:`NameInvalid`."""
    if NAME.fullmatch(name) is None:
        raise NameInvalid(
            f"The id {name!r} has other signs than small letters, digits and hyphens, or is longer than 63. "
            "Nothing was changed; use a UUID."
        )
    return name


def _refuse_link(path: Path) -> Path:
    """A link here was put by the bench's program, and would lead the agent to a file of somebody else."""
    if path.is_symlink():
        raise SiteDataUnreadable(
            f"{path.name} is a link, which nobody of ours makes. It was not followed; look at who has been on this bench."
        )
    return path


@dataclass(frozen=True)
class BenchFolder:
    """Paths of one bench. A site's database has the site's id as its name."""

    path: Path

    @property
    def note(self) -> Path:
        return self.path / "bench.json"

    @property
    def program(self) -> Path:
        """What runs well, to go back to."""
        return self.path / "program.json"

    @property
    def control(self) -> Path:
        return self.path / "run" / "control.json"

    @property
    def databases(self) -> Path:
        return self.path / "databases"

    @property
    def sites(self) -> Path:
        return self.path / "sites"

    def database(self, site_id: str) -> Path:
        return _refuse_link(self.databases / f"{check_name(site_id)}.sqlite")

    def restoring(self, site_id: str) -> Path:
        return self.databases / f".{check_name(site_id)}.restoring"

    def side_files(self, site_id: str) -> tuple[Path, Path]:
        database = self.database(site_id)
        return (database.with_name(f"{database.name}-wal"), database.with_name(f"{database.name}-shm"))

    def site(self, site_id: str) -> Path:
        return _refuse_link(self.sites / f"{check_name(site_id)}.json")

    def lock(self, site_id: str) -> Path:
        return self.path / "locks" / f"{check_name(site_id)}.lock"

    def tokens(self, site_id: str) -> Path:
        return self.path / "tokens" / check_name(site_id)

    def traces(self, site_id: str) -> tuple[Path, ...]:
        """All that can stand of a site, in the order of its removal.

        The database goes before its log: without the log it would look whole and lack what was written last.
        The lock goes last, so that it stands as long as anything is left to do.
        """
        data = (self.database(site_id), *self.side_files(site_id), self.restoring(site_id))
        return (*data, self.tokens(site_id), self.site(site_id), self.lock(site_id))

    @property
    def shared(self) -> tuple[Path, ...]:
        """What the bench's program writes to as well. What the agent is told by lies beside, where that program cannot reach."""
        return tuple(self.path / name for name in SHARED)

    def make(self) -> None:
        for folder in self.shared:
            files.make_directory(folder)

    def read(self) -> dict[str, Any]:
        """Return what the bench was deployed as. Raises ``bench_unknown``."""
        try:
            found: dict[str, Any] = json.loads(self.note.read_text("utf-8"))
        except FileNotFoundError:
            raise BenchUnknown(
                f"Bench {self.path.name} is not on this host; nothing was touched. Deploy it first."
            ) from None
        return found
