"""The settings of the billing bridge: one frozen object, read from PRESS_BRIDGE_* once."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Positive = Annotated[float, Field(gt=0)]


SECRETS = Path("/run/secrets")
"""Where container engines put secrets. A file there, named as the option is in small letters, sets it; the environment wins."""


class Settings(BaseSettings):
    """Read from ``PRESS_BRIDGE_*``; times are seconds, sizes bytes.

    Each option stands in ``compose/billing-bridge.env.example`` too.
    """

    model_config = SettingsConfigDict(
        env_prefix="PRESS_BRIDGE_",
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        frozen=True,
        extra="ignore",
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8085
    """Where the API listens."""
    log_level: str = "INFO"

    database_url: str = "sqlite:///var/bridge/bridge.db"
    """The inbox: SQLite, or MariaDB as ``mysql+pymysql://user:password@host/bridge``."""
    redis_url: str = "redis://127.0.0.1:6379/2"
    """Only the doorbell: flushing it loses nothing."""
    queue_name: str = "press-bridge"

    lago_api_url: str = "http://127.0.0.1:8070"
    """Lago's address without ``/api/v1``; a path prefix is kept."""
    lago_api_key: SecretStr = SecretStr("")
    """A key that may read customers, plans, subscriptions and invoices and write webhook endpoints."""
    lago_timeout: Positive = 10.0
    """Seconds for each call to Lago."""
    lago_organization_id: str | None = None
    """When set, deliveries of any other organisation are refused. Needed with Lago's cloud, where all share one key."""

    webhook_hmac_key: SecretStr | None = None
    """Lago's HMAC key (Developers, Webhooks); without it and without JWT the route answers 404."""
    webhook_jwt: bool = False
    """Accept RS256 signatures, checked with the public key that Lago's API gives."""
    webhook_jwt_issuer: str | None = None
    """The ``iss`` claim to insist on: Lago's own LAGO_API_URL."""
    webhook_public_key_cooldown: Annotated[float, Field(ge=0)] = 60.0
    """After a failed signature the public key is read again at most this often."""
    webhook_max_bytes: Annotated[int, Field(ge=1024)] = 1_048_576
    """Larger deliveries are refused with 413."""
    webhook_max_header_bytes: Annotated[int, Field(ge=16_384)] = 524_288
    """A JWT signature carries the whole body in a header; a proxy in front needs the same limit."""
    webhook_body_seconds: Positive = 10.0
    """How long a sender may take to send a body."""
    webhook_url: str | None = None
    """Where Lago reaches this bridge; ``webhook ensure`` registers it."""

    press_api_url: str = "http://127.0.0.1:8080"
    """The control plane."""
    press_api_token: SecretStr = SecretStr("")
    """A control-plane token with the scope ``subscriptions:write``."""
    press_timeout: Positive = 10.0
    """Seconds for each call to the control plane."""

    operator_token: SecretStr | None = None
    """Guards the operator API; without it that API refuses everybody."""

    grace_days: Annotated[int, Field(ge=0, le=365)] = 0
    """Days between a failed or overdue invoice and the hold."""

    max_attempts: Annotated[int, Field(ge=1)] = 12
    """After so many failures an event is a dead letter and waits for a replay."""
    backoff_first: Positive = 1.0
    """Seconds before the second attempt; each further wait is twice as long."""
    backoff_max: Annotated[float, Field(gt=0, le=1200)] = 900.0
    """The longest wait between two attempts; 1200 at most."""
    lease_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """A worker that was killed loses its work after this time; a living one renews it."""
    sweep_seconds: Positive = 2.0
    """How often due events are looked for, whatever Redis remembers."""
    reconcile_seconds: Positive = 300.0
    """How often all of Lago is compared with all of the control plane."""
    refresh_hours: Positive = 24.0
    """Every running subscription is read in full at least this often (hours), whatever the listing says."""
    keep_days: Annotated[int, Field(ge=90)] = 120
    """How long handled events are kept (days, 90 at least); they are the memory against replayed deliveries."""

    @property
    def takes_webhooks(self) -> bool:
        """Whether any way to prove a delivery is configured; without one the route does not exist."""
        return self.webhook_jwt or bool(self.webhook_hmac_key and self.webhook_hmac_key.get_secret_value())
