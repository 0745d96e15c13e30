"""Settings of the host agent: one frozen object, built once in the composition root."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS = Path("/run/secrets")
"""Where container engines put secrets. A file there, named as the option is in small letters, sets it; the environment wins."""


class Settings(BaseSettings):
    """Read from ``PRESS_AGENT_*``; each option stands in ``compose/agent.env.example`` too."""

    model_config = SettingsConfigDict(
        env_prefix="PRESS_AGENT_",
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        # Compose has no way to leave a variable out.
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=1, le=65535)
    data_dir: Path = Path("var/agent")
    """Ledger, keys, benches and sites of this host."""
    redis_url: str = "redis://127.0.0.1:6379/1"
    backup_store: str = "folder:var/backups"
    """``folder:<path>``, which must be on another disk than the sites to count as off the host, or ``s3:<bucket>/<prefix>``."""
    s3_endpoint: str = ""
    """Where the S3 answers (``https://s3.example.com``); empty for AWS."""
    s3_region: str = "us-east-1"
    s3_path_style: bool = True
    """Whether the bucket is named in the path, which all but AWS expect, or in the host name."""
    s3_key_file: Path | None = None
    """Holds the access key's id and the secret key, one a line; needed with ``s3:``."""
    s3_lock_days: int = Field(default=0, ge=0, le=3650)
    """For so long nobody can delete a backup; the bucket must have been made with object lock. 0 locks nothing."""
    s3_lock_mode: Literal["governance", "compliance"] = "governance"
    """``compliance`` can be lifted by nobody, ``governance`` by keys with a right of their own."""
    s3_timeout_seconds: float = Field(default=60.0, gt=0)
    """How long the store may stay silent while it is asked for something."""
    engines: str = "tryton"
    """Names of the engines offered here, separated by commas: ``tryton``, ``frappe``, ``fake``."""
    bench_port_start: int = Field(default=18100, ge=1, le=65535)
    """First port tried for a bench on 127.0.0.1; taken ones are skipped."""
    images_dir: Path = Path("images")
    """Where the bench programs stand (``bench-tryton/``, ``bench-frappe/``)."""
    executor: Literal["process", "docker"] = "process"
    """How benches run: as processes of this host, or as containers of its Docker engine."""
    docker_url: str = "unix:///var/run/docker.sock"
    base_image: str = "debian:bookworm-slim"
    """What images of benches are built on; ``scripts/make-base-image`` makes it where no registry can be reached."""
    registry: str = ""
    """``host:port/prefix`` where images of benches are pushed once they are built, and fetched from instead of being built again; its
    credentials are those of ``docker login`` of the agent's user."""
    extra_ca: Path | None = None
    """A certificate authority (PEM) that builds of images trust, too: many companies sit behind a TLS proxy."""
    mariadb_socket: Path | None = None
    """Where Frappe's databases are reached; the default is the server that ``press-agent run mariadb`` keeps in the data folder."""
    mariadb_user: str = "press"
    """Who may make databases and users there."""
    mariadb_password_file: Path | None = None
    """Holds his password; needed with a socket of your own."""
    python: str = "python3"
    """Interpreter for the benches' virtual environments."""
    workers: int = Field(default=2, ge=1, le=64)
    """How many worker processes belong to this agent; number 0 takes every queue, the others leave out the slow ones."""
    min_disk_free_bytes: int = Field(default=1 << 30, ge=0)
    """Below this the agent says that it is not ready."""
    press_timeout_seconds: float = Field(default=10.0, gt=0)
    """How long one request to the control plane may take."""
    log_level: str = "INFO"

    @property
    def engine_names(self) -> tuple[str, ...]:
        """The engines as a tuple, without blanks."""
        return tuple(name for part in self.engines.split(",") if (name := part.strip()))


def environment_for_children() -> dict[str, str]:
    """What programs started by the agent see of its environment: nothing of the settings, no secret."""
    kept = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "TMPDIR"}
    return {key: value for key, value in os.environ.items() if key in kept}
