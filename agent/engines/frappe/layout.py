"""Where a Frappe bench keeps what."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from agent.engines.door.layout import BenchFolder, check_name
from agent.engines.port import ConfigValue
from agent.host import files

SHARED = ("sites", "run", "used", "queue", "config", "logs")
SITE_FOLDERS = ("private/files", "private/backups", "public/files", "logs", "locks")


@dataclass(frozen=True, kw_only=True)
class DatabaseRecord:
    """Where a site's data are: the agent's own note, which no bench can write."""

    database: str
    """Name of the database and of its user."""
    password: str
    key: str
    """By which the site's own secrets are encrypted."""


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """What a tenant set, and whether the site is a copy that tells nothing to the world."""

    config: Mapping[str, ConfigValue] = field(default_factory=dict)
    is_muted: bool = False


class FrappeFolder(BenchFolder):
    """Paths of one bench. Frappe's folder of a site has the site's id as its name."""

    @property
    def notes(self) -> Path:
        return self.path / "doors"

    @property
    def sites(self) -> Path:
        return self.path / "sites"

    @property
    def records(self) -> Path:
        return self.path / "databases"

    @property
    def settings(self) -> Path:
        return self.path / "settings"

    @property
    def transfer(self) -> Path:
        """Where backups pass through; mounted for the one program that makes or reads them."""
        return self.path / "transfer"

    def data(self, site_id: str) -> Path:
        return self.records / f"{check_name(site_id)}.json"

    def list_data(self) -> Iterable[str]:
        return (path.stem for path in self.records.glob("*.json"))

    def frappe_site(self, site_id: str) -> Path:
        """For measuring and removing only; what is written there goes by :mod:`agent.host.shared_files`."""
        return self.sites / check_name(site_id)

    def traces(self, site_id: str) -> tuple[Path, ...]:
        return (
            self.data(site_id),
            self._settings(site_id),
            self.frappe_site(site_id),
            self.transfer / check_name(site_id),
            self.tokens(site_id),
            self.used(site_id),
            self.site(site_id),
            self.lock(site_id),
        )

    @property
    def shared(self) -> tuple[Path, ...]:
        return tuple(self.path / name for name in SHARED)

    def make(self) -> None:
        super().make()
        for folder in (self.records, self.settings, self.transfer, self.path / "locks"):
            files.make_directory(folder)

    def read_record(self, site_id: str) -> DatabaseRecord | None:
        try:
            return DatabaseRecord(**json.loads(self.data(site_id).read_text("utf-8")))
        except FileNotFoundError:
            return None

    def read_settings(self, site_id: str) -> SiteSettings:
        try:
            return SiteSettings(**json.loads(self._settings(site_id).read_text("utf-8")))
        except FileNotFoundError:
            return SiteSettings()

    def write_settings(self, site_id: str, settings: SiteSettings) -> None:
        # A bench that was deployed by an agent of before has no such folder.
        files.make_directory(self.settings)
        files.write_atomic(self._settings(site_id), json.dumps(asdict(settings)))

    def _settings(self, site_id: str) -> Path:
        return self.settings / f"{check_name(site_id)}.json"
