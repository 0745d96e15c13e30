"""Where a bench keeps what: ``<data_dir>/benches/<engine>/<bench_id>/``."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from agent.engines.errors import BenchUnknown, SiteDataUnreadable
from agent.errors import AgentError
from agent.host import files

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


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


def refuse_link(path: Path) -> Path:
    """A link here was put by the bench's program, and would lead the agent to a file of somebody else."""
    if path.is_symlink():
        raise SiteDataUnreadable(
            f"{path.name} is a link, which nobody of ours makes. It was not followed; look at who has been on this bench."
        )
    return path


@dataclass(frozen=True)
class BenchFolder(ABC):
    """Paths of one bench, the same for every engine."""

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
    def notes(self) -> Path:
        """The wanted state of each site."""
        return self.path / "sites"

    def site(self, site_id: str) -> Path:
        return refuse_link(self.notes / f"{check_name(site_id)}.json")

    def lock(self, site_id: str) -> Path:
        return self.path / "locks" / f"{check_name(site_id)}.lock"

    def tokens(self, site_id: str) -> Path:
        return self.path / "tokens" / check_name(site_id)

    def used(self, site_id: str) -> Path:
        """The bench's marks of tokens that were used; it is the one who writes there."""
        return self.path / "used" / check_name(site_id)

    @property
    def told(self) -> tuple[Path, ...]:
        """What the bench is told, and only reads."""
        return (self.notes, self.path / "tokens")

    @abstractmethod
    def data(self, site_id: str) -> Path:
        """What stands when, and only when, the site's data stand."""

    @abstractmethod
    def list_data(self) -> Iterable[str]:
        """The ids of all sites that have data here."""

    @abstractmethod
    def traces(self, site_id: str) -> tuple[Path, ...]:
        """All files that can stand of a site, in the order of their removal; the lock goes last."""

    @property
    @abstractmethod
    def shared(self) -> tuple[Path, ...]:
        """What the bench's program writes to as well. What the agent is told by lies beside, where that program cannot reach."""

    def make(self) -> None:
        for folder in (*self.shared, *self.told):
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
