"""What every ERP engine can do for the agent's operations.

Each ``ensure_*`` method converges: it may be called again after a crash at any point, brings about the state it
names and answers whether it had to change anything. Questions (``is_*``, ``measure_*``, ``list_*``) change nothing.
All methods raise :class:`agent.errors.AgentError` subclasses whose message says what happened and what to do next.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

SOURCE = re.compile(r"(?P<app>[a-z][a-z0-9_]*)=(?P<url>(?:https|ssh|file)://\S+)@(?P<commit>[0-9a-f]{40})")
Progress = Callable[[str], None]
"""Takes one line of redacted output for the running step."""
ConfigValue = bool | int | str


class SiteState(StrEnum):
    """Whether a site answers the requests of its users."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class BenchStatus(StrEnum):
    """What the executor sees of a bench."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The code of one app, pinned."""

    app: str
    """The engine's own name of it: ``erpnext``."""
    url: str
    """A git address: ``https://…``, ``ssh://…``."""
    commit: str
    """All 40 digits."""


def parse_source(text: str) -> Source:
    """Read ``app=url@commit``. Raises ``ValueError`` that says what is missing."""
    match = SOURCE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no source; write APP=URL@COMMIT with all 40 digits of the commit")
    return Source(**match.groupdict())


@dataclass(frozen=True, kw_only=True)
class Locale:
    """Where a company is at home."""

    country: str = "US"
    """ISO 3166 alpha-2."""
    currency: str = "USD"
    """ISO 4217."""
    language: str = "en"
    """ISO 639-1, with a region where it matters: ``pt-BR``."""
    time_zone: str = "America/New_York"
    """IANA's name."""


@dataclass(frozen=True, kw_only=True)
class BenchSpec:
    """A running deployment of one release that serves many sites."""

    bench_id: str
    release: str
    """Name of the release, for people: ``tryton-8.0``."""
    version: str
    """Exact version of the engine: ``8.0.12``."""
    app_sets: tuple[tuple[str, ...], ...]
    """Sets of product app names (``base``, ``crm``, ``hr``) for which a template is kept ready."""
    memory_bytes: int
    sources: tuple[Source, ...] = ()
    """The code of its apps, the engine's own first; empty for engines whose code comes with the agent."""
    base: str = ""
    """The image that its own is built on, which decides about Python and Node; the agent's where empty."""
    locale: Locale = Locale()
    """For which the templates are kept ready."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A bench as it stands on the host."""

    bench_id: str
    release: str
    status: BenchStatus
    url: str
    """Where the edge reaches it, e.g. ``http://127.0.0.1:18101``."""
    memory_bytes: int
    memory_limit_bytes: int
    processor_seconds: float
    """Since it was started."""
    processes: int


@dataclass(frozen=True, kw_only=True)
class Template:
    """A site that is complete but belongs to nobody; new sites are its clones."""

    apps: tuple[str, ...]
    modules: tuple[str, ...]
    size_bytes: int
    seconds: float
    """How long it took to make, in seconds; 0 when it stood already."""


@dataclass(frozen=True, kw_only=True)
class SiteSpec:
    """What a new site must be. The password is in memory only and prints as ``[redacted]``."""

    bench_id: str
    site_id: str
    hostname: str
    apps: tuple[str, ...]
    admin_login: str
    admin_email: str
    admin_password: str = field(repr=False)
    company: str
    locale: Locale = Locale()
    is_spare: bool = False
    """It belongs to nobody yet: it gets its password now, and its names when somebody comes."""
    keeps_password: bool = False
    """The site was prepared for whoever comes, and the password that it got then stands."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site as it stands on the host."""

    site_id: str
    bench_id: str
    hostname: str
    state: SiteState
    """``suspended`` too while it is closed, which is no state to come back to."""
    opens_as: SiteState
    """The state that it is in when nothing keeps it closed any more."""
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a site uses of its plan."""

    users: int
    """Enabled people who can log in, without the engine's own service users."""
    storage_bytes: int


class Engine(Protocol):
    """One ERP stack."""

    name: str

    # Benches
    def ensure_release(self, bench: BenchSpec, progress: Progress) -> bool:
        """Install the release's programs on the host (own virtual environment, web client)."""

    def ensure_templates(self, bench: BenchSpec, progress: Progress) -> tuple[list[Template], bool]:
        """Make a ready template for each app set."""

    def ensure_bench_started(self, bench: BenchSpec) -> bool:
        """Run the bench under the executor and wait until it answers. Raises ``bench_not_healthy``."""

    def ensure_bench_stopped(self, bench_id: str) -> bool:
        """Stop the bench and remove it from the executor. Sites' data stay."""

    def find_bench(self, bench_id: str) -> Bench | None: ...

    def list_benches(self) -> list[Bench]: ...

    def read_bench_log(self, bench_id: str, max_bytes: int) -> str:
        """The end of what its programs printed. Raises ``bench_unknown``."""

    # Sites
    def ensure_template(
        self, bench_id: str, apps: tuple[str, ...], locale: Locale, progress: Progress
    ) -> bool:
        """Make the template that a site with these apps and this home is cloned from; instant where it stands.

        Raises ``locale_unknown`` and ``app_unknown``.
        """

    def ensure_site_cloned(self, site: SiteSpec) -> bool:
        """Make the site's database from the template, under a name that serves nothing yet. Raises ``template_missing``."""

    def ensure_site_configured(self, site: SiteSpec) -> bool:
        """Set owner, e-mail, password and company in the clone."""

    def ensure_site_serving(self, bench_id: str, site_id: str, hostname: str) -> bool:
        """Map hostname to the site and load it, so that the first request is fast."""

    def ensure_site_dropped(self, bench_id: str, site_id: str) -> bool:
        """Remove the site's data and its mapping. Unknown site: nothing to do.

        Whole until nothing that may fail is left before the removal; after a failure or crash at any point, called
        again, it finishes: no file is left and the bench has forgotten the site.
        """

    def find_site(self, bench_id: str, site_id: str) -> Site | None: ...

    def list_sites(self, bench_id: str) -> list[Site]: ...

    def is_site_standing(self, bench_id: str, site_id: str) -> bool:
        """Whether the site's record and its data are both there, readable or not; leftovers alone are no site."""

    def ensure_site_suspended(self, bench_id: str, site_id: str, reason: str) -> bool:
        """Close the site for its users and end their sessions; data stay. Works where they are damaged, too."""

    def ensure_site_resumed(self, bench_id: str, site_id: str) -> bool:
        """Open the site again."""

    def ensure_site_closed(self, bench_id: str, site_id: str) -> bool:
        """Let nobody in while the site is changed, and wait until nothing works on its data; sessions stay.

        It opens, or stays suspended, by ``ensure_site_serving``. Raises ``site_busy`` when its own work does not end.
        """

    def ensure_admin_password(self, bench_id: str, site_id: str, login: str, password: str) -> bool: ...

    def ensure_login_token(
        self, bench_id: str, site_id: str, login: str, token: str, ttl_seconds: int
    ) -> str:
        """Let the token log ``login`` in once within the time. Returns the path to open (``/-/login``)."""

    def measure_usage(self, bench_id: str, site_id: str) -> Usage: ...

    def probe_site(self, bench_id: str, site_id: str, hostname: str) -> None:
        """Ask the bench for the site as a browser would. Raises ``site_not_healthy``."""

    # What a site is made of
    def list_apps(self, bench_id: str, site_id: str) -> tuple[str, ...]:
        """The product apps that the site has, in a fixed order."""

    def ensure_apps(self, bench_id: str, site_id: str, apps: tuple[str, ...], progress: Progress) -> bool:
        """Install what is missing of ``apps`` and all that it needs, remove the others with their data. The site is closed.

        Raises ``app_unknown`` for what the bench's release lacks and ``app_needed`` for what cannot go, before anything is touched.
        """

    def ensure_site_migrated(self, bench_id: str, site_id: str, progress: Progress) -> bool:
        """Bring the data to the state that the bench's release wants. The site is closed."""

    def find_config(self, bench_id: str, site_id: str) -> Mapping[str, ConfigValue]:
        """The settings that ``ensure_config`` stored last."""

    def ensure_config(self, bench_id: str, site_id: str, config: Mapping[str, ConfigValue]) -> bool:
        """Let these settings, and no others that were set this way, count while the site serves.

        Raises ``config_refused`` for a key or value that the engine does not take, before anything is touched.
        """

    def ensure_site_muted(self, bench_id: str, site_id: str) -> bool:
        """Let a copy of a site tell nothing to the world: no mail, no recurring job. For good."""

    # Data
    def write_backup(self, bench_id: str, site_id: str, destination: Path) -> None:
        """Write a consistent copy of all the site's data into one file, while it serves.

        Raises ``site_data_unreadable`` when they are missing or damaged, and for no other reason.
        """

    def ensure_restored(self, bench_id: str, site_id: str, hostname: str, source: Path) -> bool:
        """Replace (or make) the site's data from a backup file, also one of another site; checks the file before it touches
        anything. Takes no notice of present data that are damaged or missing.

        The site is closed afterwards: ``ensure_site_serving`` opens it, or leaves it suspended where it was.
        """
