"""Which hostname is which database, and in what state: one small file per site, written by whoever manages the bench."""

import json
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class SiteState(StrEnum):
    """What a site answers its users."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    """402: a person must do something first."""
    CLOSED = "closed"
    """503: not ready yet, or its data are being replaced."""


@dataclass(frozen=True)
class Site:
    """A database and the one hostname that leads to it."""

    database: str
    hostname: str
    state: SiteState
    reason: str = ""


class SiteMap:
    """The sites of this bench in memory; ``<folder>/<database>.json`` is the truth and survives every restart.

    Reading is lock-free: each change swaps whole dictionaries.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._by_database: dict[str, Site] = {}
        self._by_hostname: dict[str, Site] = {}

    def load_all(self) -> None:
        found = (self._read(path.stem) for path in sorted(self._folder.glob("*.json")))
        self._swap({site.database: site for site in found if site})

    def reload(self, database: str) -> Site | None:
        """Read one site's file again; a file that is gone makes the bench forget the site."""
        with self._guard:
            sites = dict(self._by_database)
            site = self._read(database)
            if site is None:
                sites.pop(database, None)
            else:
                sites[database] = site
            self._swap(sites)
        return site

    def find_by_hostname(self, hostname: str) -> Site | None:
        return self._by_hostname.get(hostname)

    def find(self, database: str) -> Site | None:
        return self._by_database.get(database)

    def count(self) -> int:
        return len(self._by_database)

    def _swap(self, sites: dict[str, Site]) -> None:
        self._by_hostname = {site.hostname: site for site in sites.values() if site.hostname}
        self._by_database = sites

    def _read(self, database: str) -> Site | None:
        try:
            raw = json.loads((self._folder / f"{database}.json").read_text())
        except FileNotFoundError:
            return None
        state = SiteState(raw["state"])
        return Site(database, str(raw["hostname"]).lower(), state, str(raw.get("reason", "")))
