"""Secrets of a stack: one file for each program that reads it, owned by that program's user, made once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.bringup.keys import find_secret, make_fernet_key, make_password, make_token, make_uuid
from scripts.bringup.state import write_file
from scripts.stack.settings import Stack

PRESS, AGENT, BRIDGE, EDGE, MARIADB, REDIS, TENANTS, ROOT = 10001, 10002, 10003, 10004, 10005, 10006, 10007, 0
"""Users of the images; a container engine mounts a secret with the owner and the mode that its file has on the host."""
KEYCLOAK, GRAFANA, POSTGRES = 1000, 472, 70
OPERATOR_PASSWORD = "operator-password"
OPERATOR_TOKEN = "operator-token"
BRIDGE_TOKEN = "press_bridge_press_api_token"
DNS_TOKEN = "dns_token"
TENANTS_PASSWORD = "tenants_mariadb_password"
LAGO_KEYS = ("press_bridge_lago_api_key", "press_bridge_webhook_hmac_key")


@dataclass(frozen=True)
class Secret:
    """A file under ``secrets/``."""

    owner: int
    make: Callable[[], str]


MADE: Mapping[str, Secret] = {
    "mariadb_press_password": Secret(MARIADB, make_password),
    "mariadb_bridge_password": Secret(MARIADB, make_password),
    TENANTS_PASSWORD: Secret(TENANTS, make_password),
    "press_master_key": Secret(PRESS, make_fernet_key),
    "press_bridge_operator_token": Secret(BRIDGE, make_token),
    OPERATOR_PASSWORD: Secret(ROOT, make_password),
    "lago_postgres_password": Secret(POSTGRES, make_password),
    "lago_secret_key_base": Secret(ROOT, make_token),
    "lago_encryption_primary_key": Secret(ROOT, make_token),
    "lago_encryption_deterministic_key": Secret(ROOT, make_token),
    "lago_encryption_key_derivation_salt": Secret(ROOT, make_token),
    "keycloak_admin_password": Secret(KEYCLOAK, make_password),
    "grafana_admin_password": Secret(GRAFANA, make_password),
}
"""What is made where it is not there; never overwritten."""
SANDBOX_KEYS = dict(zip(("press_sandbox_api_key", "press_sandbox_hmac_key"), LAGO_KEYS, strict=True))
"""What the sandbox asks for, and the bridge's files with the same in them."""


class Secrets:
    """The folder ``secrets/`` of one stack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[str] = []
        self.made: list[str] = []

    def ensure(self, stack: Stack, given: Mapping[str, str]) -> None:
        """Everything that can be there before a program runs.

        ``given`` are secrets that only others can make, by file name. They replace what is there; where none was given and
        none is there, the file is empty, and its program says what it misses.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        redis = self._ensure_redis()
        for name, secret in MADE.items():
            self._ensure(name, secret.owner, secret.make)
        for sandbox, name in SANDBOX_KEYS.items():
            if stack.is_trial:
                self._ensure(sandbox, BRIDGE, make_uuid)
                self._write(name, self.get(sandbox), BRIDGE)
        for name in (*LAGO_KEYS, DNS_TOKEN):
            if name in given or not (self.folder / name).exists():
                self._write(name, given.get(name, ""), EDGE if name == DNS_TOKEN else BRIDGE)
        # The command line publishes plans there.
        self._write("lago-api-key", self.find("press_bridge_lago_api_key") or "", PRESS)
        for name, owner, account in (
            ("press_database_url", PRESS, "press"),
            ("press_bridge_database_url", BRIDGE, "bridge"),
        ):
            password = self.get(f"mariadb_{account}_password")
            self._write(name, f"mysql+pymysql://{account}:{password}@mariadb:3306/{account}", owner)
        # Whoever makes databases there is the agent.
        self._write("agent_mariadb_password", self.get(TENANTS_PASSWORD), AGENT)
        address = f"{stack.network}.133"
        for number, (name, owner, host) in enumerate(
            (
                ("press_redis_url", PRESS, "redis"),
                ("press_agent_redis_url", AGENT, address),
                ("press_bridge_redis_url", BRIDGE, "redis"),
            )
        ):
            self._write(name, f"redis://:{redis}@{host}:6379/{number}", owner)

    def _ensure_redis(self) -> str:
        word = "requirepass "
        self._ensure("redis_password.conf", REDIS, lambda: word + make_password())
        return self.get("redis_password.conf").removeprefix(word)

    def get(self, name: str) -> str:
        """Raises LookupError when it is not there."""
        found = find_secret(self.folder, name)
        if found is None:
            raise LookupError(name)
        return found

    def find(self, name: str) -> str | None:
        return find_secret(self.folder, name)

    def store(self, name: str, value: str) -> None:
        """What a program made."""
        self.made.append(name)
        self._write(name, value, {OPERATOR_TOKEN: PRESS, BRIDGE_TOKEN: BRIDGE}[name])

    def list_missing(self, stack: Stack) -> list[Path]:
        """Files that somebody has to fill in."""
        wanted = () if stack.is_trial else (*LAGO_KEYS, DNS_TOKEN)
        return [self.folder / name for name in wanted if self.find(name) is None]

    def _ensure(self, name: str, owner: int, make: Callable[[], str]) -> None:
        found = self.find(name)
        (self.made if found is None else self.kept).append(name)
        self._write(name, make() if found is None else found, owner)

    def _write(self, name: str, value: str, owner: int) -> None:
        path = self.folder / name
        write_file(path, f"{value}\n" if value else "", mode=0o600)
        if path.stat().st_uid != owner:
            os.chown(path, owner, owner)
