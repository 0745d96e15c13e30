"""What one stack is told: the lines of ``compose/.env``, which compose puts into its files and ``init.sh`` writes."""

from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from scripts.bringup.engines import FRAPPE, TRYTON

PLAIN = "none"
"""As a DNS provider: no certificate, plain HTTP, for trials."""
FILES = ("docker-compose.yml", "docker-compose.services.yml")
TRIAL_FILE = "docker-compose.dev.yml"
REAL_FILE = "docker-compose.prod.yml"
FRAPPE_FILE = "docker-compose.frappe.yml"
FOLDER = "folder:"
SANDBOX_URL = "http://lago-sandbox:8095"
OWN_LAGO_URL = "http://lago-api:3000"
BRIDGE_URL = "http://bridge-api:8085"
USUAL_PORTS = {"http": 80, "https": 443}
TOKEN_VARIABLES = {
    "cloudflare": "CF_DNS_API_TOKEN",
    "desec": "DESEC_TOKEN",
    "digitalocean": "DO_AUTH_TOKEN",
    "dnsimple": "DNSIMPLE_OAUTH_TOKEN",
    "gandiv5": "GANDIV5_PERSONAL_ACCESS_TOKEN",
    "hetzner": "HETZNER_API_TOKEN",
    "ionos": "IONOS_API_KEY",
    "linode": "LINODE_TOKEN",
    "netlify": "NETLIFY_TOKEN",
    "vultr": "VULTR_API_KEY",
}
"""DNS providers that Traefik asks with one token, and how it calls that; each may be read from ``<name>_FILE``."""


class Stack(BaseSettings):
    """Read from ``compose/.env``, the environment and the flags of ``init.sh``. No secret stands here."""

    model_config = SettingsConfigDict(
        env_prefix="STACK_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    compose_project_name: str = Field("press", validation_alias=AliasChoices("COMPOSE_PROJECT_NAME"))
    """What containers, networks and volumes of this stack begin with."""
    compose_file: str = Field("", validation_alias=AliasChoices("COMPOSE_FILE"))
    """Which files make the stack: with docker-compose.dev.yml a trial, with docker-compose.prod.yml the real thing."""
    compose_profiles: str = Field("", validation_alias=AliasChoices("COMPOSE_PROFILES"))
    """Further services, with commas between: lago, keycloak, monitoring."""

    domain: str = ""
    """Sites get ``<name>.<domain>``; ours are press.<domain> and billing.<domain>. localhost for a trial."""
    email: str = ""
    """The first operator, who also hears from the certificate authority."""
    dns_provider: str = ""
    """Who serves the domain's DNS, in Traefik's words (cloudflare, hetzner, …); none: plain HTTP and a sandbox for Lago."""
    object_store: str = ""
    """Where backups go: ``folder:<path>``, best the mount of an object store or of another disk."""
    engine: str = TRYTON
    """The ERP of its sites: tryton, or frappe, which brings git and a database server for the tenants."""
    apps: str = ""
    """With frappe: the code of the first release as ``app=url@commit``, frappe's own first, with blanks between; init.sh pins it once."""

    dir: Path = Path("/var/lib/press")
    """Secrets, settings by hand, benches and sites of this host. The agent mounts it under the same path."""
    backup_dir: Path = Path("/var/lib/press/backups")
    """The path of the object store."""
    network: str = "172.30.240"
    """First three numbers of the addresses of the stack's networks; no other network of this machine may have them."""
    http_port: int = 80
    """Where the edge listens."""
    https_port: int = 443
    """Where the edge listens for TLS."""
    internal_port: int = 8001
    """Where the edge tells its health and figures, on the backend network only."""
    agent_port: int = 8090
    """Where the agent listens, on the backend network only."""
    bench_port_start: int = 18100
    """First port tried for a bench on 127.0.0.1."""
    edge_scheme: str = "http"
    """What the addresses of sites begin with."""
    edge_port: int = 80
    """What they end with, unless it is the usual one."""
    public_url: str = ""
    """Where people and programs outside reach the API."""
    lago_url: str = ""
    """Lago's address without /api/v1; filled in for a trial, and with the profile lago."""
    webhook_url: str = ""
    """Where Lago reaches the bridge."""
    dns_token_variable: str = ""
    """How Traefik calls the DNS provider's token."""
    tenants_memory: str = "1536m"
    """With frappe: what the tenants' database server may use."""
    tenants_pool: str = "256M"
    """With frappe: how much of that keeps data at hand; on a machine for many tenants about half of it."""
    docker_socket: str = "/var/run/docker.sock"
    """The engine's socket on the host; only the agent has it."""
    docker_gid: int = 0
    """The group that may use it."""
    docker_logs: str = "/var/lib/docker/containers"
    """Where the engine keeps what containers print; read by the profile monitoring."""
    extra_ca: str = ""
    """A certificate authority (PEM) that builds of images trust, too: many companies sit behind a TLS proxy."""
    image_control_plane: str = ""
    """Images by the hash of what they are made of; init.sh builds what is missing and fills these in."""
    image_agent: str = ""
    image_billing_bridge: str = ""
    image_edge: str = ""
    image_mariadb: str = ""
    image_redis: str = ""

    @field_validator("domain", "email", "dns_provider")
    @classmethod
    def _tidy(cls, value: str) -> str:
        return value.strip().lower()

    @property
    def is_trial(self) -> bool:
        return self.dns_provider == PLAIN

    @property
    def gateway(self) -> str:
        """Where the host's programs listen for containers."""
        return f"{self.network}.65"

    @property
    def has_own_lago(self) -> bool:
        return "lago" in self.compose_profiles.split(",")

    def derive(self) -> Self:
        """The same with everything that follows from the answers."""
        scheme, port = ("http", self.http_port) if self.is_trial else ("https", self.https_port)
        end = "" if port == USUAL_PORTS[scheme] else f":{port}"
        override = TRIAL_FILE if self.is_trial else REAL_FILE
        is_near = self.is_trial or self.has_own_lago
        lago = SANDBOX_URL if self.is_trial else OWN_LAGO_URL if self.has_own_lago else self.lago_url
        return self.model_copy(
            update={
                "compose_file": ":".join(
                    (*FILES, override, *((FRAPPE_FILE,) if self.engine == FRAPPE else ()))
                ),
                "edge_scheme": scheme,
                "edge_port": port,
                "public_url": f"{scheme}://press.{self.domain}{end}",
                "backup_dir": Path(self.object_store.removeprefix(FOLDER)),
                "lago_url": lago,
                "webhook_url": f"{BRIDGE_URL if is_near else f'{scheme}://billing.{self.domain}{end}'}/webhooks/lago",
                "dns_token_variable": TOKEN_VARIABLES.get(self.dns_provider, ""),
            }
        )

    def format(self) -> str:
        """The lines of ``.env``."""
        lines = [f"{name}={value}" for name, value in self.list_variables().items()]
        return "\n".join(["# Written by scripts/init.sh; no secret stands here.", *lines]) + "\n"

    def list_variables(self) -> dict[str, str]:
        return {name_variable(type(self), name): str(getattr(self, name)) for name in type(self).model_fields}


def name_variable(settings: type[BaseSettings], field: str) -> str:
    """How an option is called in the environment."""
    alias = settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{settings.model_config.get('env_prefix', '')}{field}".upper()
