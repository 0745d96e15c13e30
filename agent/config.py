"""Settings of the host agent: one frozen object, built once in the composition root."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from ``PRESS_AGENT_*``; each option stands in ``compose/agent.env.example`` too."""

    model_config = SettingsConfigDict(env_prefix="PRESS_AGENT_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 8090
    data_dir: Path = Path("var/agent")
    """Ledger, keys, benches and sites of this host."""
    redis_url: str = "redis://127.0.0.1:6379/1"
    backup_store: str = "folder:var/backups"
    """``folder:<path>``; a folder must be on another disk than the sites to count as off the host."""
    bench_port_start: int = 18100
    """First port tried for a bench on 127.0.0.1; taken ones are skipped."""
    images_dir: Path = Path("images")
    """Where the bench programs stand (``bench-tryton/``)."""
    python: str = "python3"
    """Interpreter for the benches' virtual environments."""
    log_level: str = "INFO"
