"""Settings of the control plane: one frozen object, built once in the composition root."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS = Path("/run/secrets")
"""Where container engines put secrets. A file there, named as the option is in small letters, sets it; the environment wins."""

HOME = r"^[A-Z]{2}/[A-Z]{3}/[a-z]{2,3}(-[A-Z]{2})?/[A-Za-z]+([/_+-][A-Za-z0-9]+)*$"
"""``DE/EUR/de/Europe/Berlin``, as docs/contracts/agent.md has the parts."""


def _check_time_zone(home: str) -> str:
    name = home.split("/", 3)[3]
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"there is no time zone {name}; write one of IANA's names, Europe/Berlin for example"
        raise ValueError(message) from error
    return home


class Settings(BaseSettings):
    """Read from ``PRESS_*``; each option stands in ``compose/control-plane.env.example`` too."""

    model_config = SettingsConfigDict(
        env_prefix="PRESS_", secrets_dir=SECRETS if SECRETS.is_dir() else None, frozen=True, extra="forbid"
    )

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = "http://127.0.0.1:8080"
    """How browsers and agents reach the API."""
    database_url: str = "sqlite:///var/press/press.db"
    redis_url: str = "redis://127.0.0.1:6379/0"
    master_key: SecretStr
    """Seals secrets at rest; without it they cannot be read again."""
    agent_key_file: Path = Path("var/press/agent-key.pem")
    """Ed25519 private key that signs requests to agents."""
    site_domain: str = "localhost"
    """Sites get ``<name>.<site_domain>``."""
    home: Annotated[str, Field(pattern=HOME), AfterValidator(_check_time_zone)] = "US/USD/en/America/New_York"
    """Country, currency, language and time zone of companies that say nothing else; sites are kept ready for it."""
    edge_port: int = 8000
    edge_scheme: str = "http"
    edge_address: str = "127.0.0.1"
    """Where probes reach the edge; the Host header names the site."""
    edge_probe_url: str = ""
    """Where probes reach the edge instead, over plain HTTP: a certificate is for the names of sites, not for an address."""
    edge_dynamic_file: Path = Path("var/edge/dynamic/sites.yml")
    """Read by Traefik's file provider; written atomically."""
    edge_pages_url: str = "http://127.0.0.1:8070"
    """The server of the suspended, maintenance and not-found pages."""
    undo_days: int = 30
    """How long an archived site can be brought back."""
    termination_limit: int = 10
    """More ended subscriptions than this within ``termination_window_minutes`` stop and ask an operator."""
    termination_window_minutes: int = 60
    spares_min: int = 2
    """Sites made ahead for each bench and set of apps, whatever the demand."""
    spares_max: int = 10
    """The most of them, when many are ordered; 0 keeps none."""
    backup_interval_minutes: int = Field(default=60, ge=0, le=1440)
    """How often each site is backed up by itself: so much is lost with a host at most. 0 takes none."""
    backup_jobs_per_server: int = Field(default=4, ge=1, le=64)
    """Of these, so many are with one host at a time, where they wait in a queue of their own."""
    backup_keep_hourly: int = Field(default=24, ge=1)
    """Of the backups that are taken by themselves, the newest of each of so many hours is kept,"""
    backup_keep_daily: int = Field(default=7, ge=0)
    """of so many days,"""
    backup_keep_weekly: int = Field(default=4, ge=0)
    """of so many weeks,"""
    backup_keep_monthly: int = Field(default=12, ge=0)
    """and of so many months. The newest of all is kept in any case."""
    backup_keep_manual_days: int = Field(default=365, ge=1)
    """How long backups are kept that somebody asked for."""
    backup_keep_change_days: int = Field(default=30, ge=1)
    """How long those are kept that were taken before a change, or stood for a site that came back from its archive."""
    session_hours: int = 168
    requests_per_minute: int = 1200
    """For each user and each token of a team; the platform's own tokens are not counted."""
    anonymous_requests_per_minute: int = 300
    """For each address, of requests without a credential that proves somebody."""
    stream_seconds: int = 600
    """After this a stream of events ends and the listener comes back."""
    trusted_proxies: str = ""
    """Addresses or networks, with commas between, of proxies that say who asks; limits by address count whom they name."""
    log_level: str = "INFO"

    @property
    def termination_window(self) -> timedelta:
        return timedelta(minutes=self.termination_window_minutes)

    @property
    def probe_url(self) -> str:
        """Where probes reach the edge, without a slash at the end."""
        return self.edge_probe_url.rstrip("/") or f"{self.edge_scheme}://{self.edge_address}:{self.edge_port}"

    @property
    def backup_interval(self) -> timedelta:
        return timedelta(minutes=self.backup_interval_minutes)

    def site_url(self, hostname: str) -> str:
        """What a browser opens for a site."""
        usual = {"http": 80, "https": 443}[self.edge_scheme]
        port = "" if self.edge_port == usual else f":{self.edge_port}"
        return f"{self.edge_scheme}://{hostname}{port}"
