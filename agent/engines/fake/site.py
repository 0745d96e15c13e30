"""A site of the fake engine: one JSON file, changed by the engine and by the bench's program under one lock."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from agent.engines.door.site_files import HostnameTaken
from agent.engines.errors import SiteDataUnreadable
from agent.engines.port import ConfigValue
from agent.host.files import write_atomic
from agent.host.locks import file_lock

LOCK_SECONDS = 10.0


@dataclass(kw_only=True)
class FakeSite:
    """All there is of a site; ``hostname`` is empty until it serves."""

    site_id: str
    hostname: str = ""
    state: str = "active"
    """What it is, or will be again when it is not closed any more."""
    closed: bool = False
    reason: str = ""
    company: str = ""
    apps: list[str] = field(default_factory=list)
    locale: dict[str, str] = field(default_factory=dict)
    version: str = ""
    """The release that its data are made for."""
    config: dict[str, ConfigValue] = field(default_factory=dict)
    muted: bool = False
    users: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """What it told the world."""


def digest(text: str) -> str:
    """Return what is stored in place of a password or token."""
    return hashlib.sha256(text.encode()).hexdigest()


def site_file(bench_folder: Path, site_id: str) -> Path:
    return bench_folder / "sites" / site_id / "site.json"


def find_site(bench_folder: Path, site_id: str) -> FakeSite | None:
    """Read a site, or return None. Raises ``site_data_unreadable`` for a damaged file."""
    try:
        return FakeSite(**json.loads(site_file(bench_folder, site_id).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise SiteDataUnreadable(
            "The site's file is damaged. It was left as it is; restore the site from a backup."
        ) from error


def list_ids(bench_folder: Path) -> list[str]:
    """Return the sites of the bench, damaged ones too."""
    return sorted(path.parent.name for path in (bench_folder / "sites").glob("*/site.json"))


def list_sites(bench_folder: Path) -> list[FakeSite]:
    """Read every site of the bench that can be read."""
    found: list[FakeSite] = []
    for site_id in list_ids(bench_folder):
        with suppress(SiteDataUnreadable):
            if (site := find_site(bench_folder, site_id)) is not None:
                found.append(site)
    return found


def refuse_taken(bench_folder: Path, site_id: str, hostname: str) -> None:
    """Raise ``hostname_taken`` when another site of the bench answers there."""
    if any(site.hostname == hostname and site.site_id != site_id for site in list_sites(bench_folder)):
        raise HostnameTaken(f"{hostname} belongs to another site. Nothing was changed; choose another one.")


def write_site(bench_folder: Path, site: FakeSite) -> None:
    write_atomic(site_file(bench_folder, site.site_id), json.dumps(asdict(site)))


@contextmanager
def changing(bench_folder: Path, site_id: str) -> Iterator[FakeSite | None]:
    """Yield the site and store it, if it changed, when the block ends well."""
    with file_lock(bench_folder / "sites.lock", timeout_seconds=LOCK_SECONDS):
        site = find_site(bench_folder, site_id)
        before = json.dumps(asdict(site)) if site is not None else ""
        yield site
        if site is not None and json.dumps(asdict(site)) != before:
            write_site(bench_folder, site)
