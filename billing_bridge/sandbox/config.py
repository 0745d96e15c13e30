"""Settings of the Lago sandbox: one frozen object, read once when the program starts."""

from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class PaymentOutcome(StrEnum):
    """What the pretended payment provider does with a charge."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"


SECRETS = Path("/run/secrets")
"""Where container engines put secrets. A file there, named as the option is in small letters, sets it; the environment wins."""


class Settings(BaseSettings):
    """Read from ``PRESS_SANDBOX_*``; each option stands in ``compose/lago-sandbox.env.example`` too."""

    model_config = SettingsConfigDict(
        env_prefix="PRESS_SANDBOX_",
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        frozen=True,
        extra="forbid",
    )

    host: str = "127.0.0.1"
    port: int = 8070
    database: Path = Path("var/sandbox/lago.sqlite3")
    """SQLite file; customers, invoices, the clock and unsent webhooks survive a restart."""
    rsa_private_key: Path = Path("var/sandbox/webhook-key.pem")
    """Key that signs webhooks with RS256; made at the first start, readable by its owner only."""
    public_url: str = ""
    """Address that clients use; it is the ``iss`` of signed webhooks. Empty: ``http://<host>:<port>``."""
    api_key: SecretStr = SecretStr("lago-sandbox-api-key")
    """Bearer key of every API call, the ``/sandbox`` paths included."""
    hmac_key: SecretStr = SecretStr("5b2b3b5e-6a1b-4c62-9a0e-0d5a6c1f7e11")
    """Key of webhooks signed with HMAC-SHA256."""
    organization_id: str = "1a901a90-1a90-4a90-8a90-1a901a901a90"
    auto_pay: PaymentOutcome = PaymentOutcome.SUCCEEDED
    """What happens to the charges of customers that are linked to a payment provider."""
    payment_delay: float = 0.0
    """Seconds (of the sandbox's clock) until a charge is settled; 0 settles it at once, in the charge itself."""
    webhook_attempts: int = 3
    webhook_timeout: float = 30.0
    """Seconds to wait for connecting and for each read."""
    webhook_wait_scale: float = 1.0
    """Multiplies the waits between attempts (about 3 s, then 18 to 20 s); tests make them short."""
    webhook_workers: int = 10
    tick_seconds: float = 1.0
    """How often scheduled work is looked for."""
    log_level: str = "INFO"

    @property
    def issuer(self) -> str:
        """Where clients reach this server, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
