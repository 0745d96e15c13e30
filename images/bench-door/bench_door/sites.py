"""Which hostname is which site, and in what state: one small file per site, written by whoever manages the bench."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """A site and the one hostname that leads to it."""

    site_id: str
    hostname: str
    state: SiteState
    reason: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    """What was set for this site alone."""
    muted: bool = False
    """It is a copy that tells nothing to the world."""


class SiteMap:
    """The sites of this bench in memory; ``<folder>/<site id>.json`` is the truth and survives every restart.

    Reading is lock-free: each change swaps whole dictionaries.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._by_id: dict[str, Site] = {}
        self._by_hostname: dict[str, Site] = {}

    def load_all(self) -> None:
        found = (self._read(path.stem) for path in sorted(self._folder.glob("*.json")))
        self._swap({site.site_id: site for site in found if site})

    def reload(self, site_id: str) -> Site | None:
        """Read one site's file again; a file that is gone makes the bench forget the site."""
        with self._guard:
            sites = dict(self._by_id)
            site = self._read(site_id)
            if site is None:
                sites.pop(site_id, None)
            else:
                sites[site_id] = site
            self._swap(sites)
        return site

    def find_by_hostname(self, hostname: str) -> Site | None:
        return self._by_hostname.get(hostname)

    def find(self, site_id: str) -> Site | None:
        return self._by_id.get(site_id)

    def count(self) -> int:
        return len(self._by_id)

    def _swap(self, sites: dict[str, Site]) -> None:
        self._by_hostname = {site.hostname: site for site in sites.values() if site.hostname}
        self._by_id = sites

    def _read(self, site_id: str) -> Site | None:
        try:
            raw = json.loads((self._folder / f"{site_id}.json").read_text())
        except FileNotFoundError:
            return None
        state = SiteState(raw["state"])
        return Site(
            site_id,
            str(raw["hostname"]).lower(),
            state,
            str(raw.get("reason", "")),
            dict(raw.get("config", {})),
            bool(raw.get("muted", False)),
        )
