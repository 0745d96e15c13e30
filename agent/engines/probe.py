"""What the conformance suite needs to use a site as its people do; each engine ships one in ``<engine>/probe.py``.

``TrytonProbe()`` takes no arguments. Every method speaks HTTP to the bench's address and names the site by its
``Host`` header, as the edge does. Methods raise an :class:`agent.errors.AgentError` or an ``OSError`` where the site
refuses or does not answer, unless it says otherwise here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from agent.engines.port import ConfigValue, Locale, Source


@dataclass(frozen=True, kw_only=True)
class SiteDoor:
    """Where a site is reached and who knocks."""

    bench_url: str
    hostname: str
    login: str
    password: str


class EngineProbe(Protocol):
    """A person at a browser, as far as the suite needs one."""

    @property
    def app_sets(self) -> tuple[tuple[str, ...], ...]:
        """Template sets worth testing; the first one is used for the sites."""

    @property
    def engine_version(self) -> str:
        """The version that a bench of the suite is deployed with."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The code of the release; empty where it comes with the agent."""

    @property
    def memory_bytes(self) -> int:
        """Memory limit for the suite's bench."""

    @property
    def extra_app(self) -> str | None:
        """An app of the release that the first site does not have; none where there is none."""

    @property
    def locale(self) -> Locale:
        """A home that is not the contract's own."""

    @property
    def config(self) -> Mapping[str, ConfigValue]:
        """Settings of a site whose effect can be seen; empty where the engine has none."""

    def can_log_in(self, door: SiteDoor) -> bool:
        """Say whether login and password open the site; False too where it is closed or unknown."""

    def can_use_token(self, door: SiteDoor, path: str, token: str) -> bool:
        """Open ``path`` with the one-time token as a browser does; say whether a session came out of it."""

    def write_record(self, door: SiteDoor, text: str) -> None:
        """Log in and store one record of the ERP (a party, a customer) with this name."""

    def list_records(self, door: SiteDoor) -> list[str]:
        """Log in and return the names of such records."""

    def add_user(self, door: SiteDoor, login: str) -> None:
        """Log in as the owner and add one person who can log in."""

    def open_session(self, door: SiteDoor) -> Callable[[], bool]:
        """Log in; returns what says whether the session still works."""

    def has_app(self, door: SiteDoor, app: str) -> bool:
        """Log in as the owner and say whether the app is there to be used."""

    def find_currency(self, door: SiteDoor) -> str:
        """Log in and return the code of the money that the company counts in."""

    def is_configured(self, door: SiteDoor) -> bool:
        """Say whether the settings in ``config`` count, as far as a person can tell."""

    def is_muted(self, door: SiteDoor) -> bool:
        """Say whether the site would tell nothing to the world."""
