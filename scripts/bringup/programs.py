"""What runs: each program's command, its environment, and how to see that it works. Pure data."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.bringup.engines import FRAPPE, TRYTON, describe_agent
from scripts.bringup.ports import LOOPBACK
from scripts.bringup.state import ROOT, Paths

WITH_ENV = ROOT / "scripts" / "lib" / "with-env"
VENV_BIN = Path(sys.executable).parent
STOP_SECONDS = 10
STOP_BENCHES_SECONDS = 60
"""Each bench finishes its requests; several do so at a time."""
ENTRIES = {
    "press_app.cli": "press_app.cli.main",
    "agent.cli": "agent.cli",
    "billing_bridge.cli": "billing_bridge.cli",
}
"""Programs that are forked: what stands behind ``-m``, and the module whose ``main`` that calls."""


@dataclass(frozen=True)
class Program:
    """One supervised process."""

    name: str
    argv: tuple[str, ...]
    env_file: str = ""
    """Name of a file in the ``env`` folder; empty for programs that read none."""
    health: str = ""
    """URL that answers 2xx when it works; empty when running is all that can be seen."""
    stop_seconds: int = STOP_SECONDS


def list_programs(paths: Paths, ports: Mapping[str, int], engine: str = TRYTON) -> list[Program]:
    """Every program of the embedded platform, in the order in which they are waited for."""
    urls = list_urls(ports)
    redis = str(paths.state / "redis" / "redis.conf")
    traefik = str(VENV_BIN / "traefik")
    return [
        Program("redis", ("redis-server", redis)),
        Program(
            "edge-pages",
            (sys.executable, str(ROOT / "traefik/pages/serve.py"), "--port", str(ports["edge-pages"])),
            health=f"{urls['edge-pages']}/-/health",
        ),
        Program(
            "edge",
            (traefik, f"--configFile={paths.state / 'edge' / 'traefik.yml'}"),
            health=f"{urls['edge-internal']}/ping",
        ),
        _module(
            "lago-sandbox",
            "billing_bridge.sandbox",
            env="lago-sandbox.env",
            health=urls["lago-sandbox"],
        ),
        _module("press-api", "press_app.cli", "run", "api", env="press.env", health=urls["press-api"]),
        # What somebody waits for must not stand behind what takes long.
        _module(
            "press-worker", "press_app.cli", "run", "worker", "--tick", "--beside", "urgent", env="press.env"
        ),
        *_database(engine),
        replace(
            _module("agent-benches", "agent.cli", "run", "benches", env="agent.env"),
            stop_seconds=STOP_BENCHES_SECONDS,
        ),
        _module("agent-api", "agent.cli", "run", "api", env="agent.env", health=urls["agent-api"]),
        _module("agent-worker-0", "agent.cli", "run", "worker", "--number", "0", env="agent.env"),
        _module("agent-worker-1", "agent.cli", "run", "worker", "--number", "1", env="agent.env"),
        _module(
            "bridge-api", "billing_bridge.cli", "run", "api", env="bridge.env", health=urls["bridge-api"]
        ),
        _module("bridge-worker", "billing_bridge.cli", "run", "worker", env="bridge.env"),
    ]


def _database(engine: str) -> list[Program]:
    """Sites of Frappe are databases of one MariaDB."""
    if engine != FRAPPE:
        return []
    database = _module("agent-mariadb", "agent.cli", "run", "mariadb", env="agent.env")
    return [replace(database, stop_seconds=STOP_BENCHES_SECONDS)]


def _module(name: str, module: str, *arguments: str, env: str, health: str = "") -> Program:
    argv = (sys.executable, "-m", module, *arguments)
    return Program(name, argv, env_file=env, health=f"{health}/health" if health else "")


def list_urls(ports: Mapping[str, int]) -> dict[str, str]:
    """Address of each program that speaks HTTP."""
    web = ("edge", "edge-internal", "edge-pages", "press-api", "agent-api", "bridge-api", "lago-sandbox")
    return {name: f"http://{LOOPBACK}:{ports[name]}" for name in web}


@dataclass(frozen=True, repr=False)
class Secrets:
    """What the environments need to know of the secrets folder; it prints as nothing."""

    master_key: str
    redis_password: str
    lago_api_key: str
    lago_hmac_key: str
    bridge_operator_token: str
    bridge_press_token: str


def make_environments(
    paths: Paths, ports: Mapping[str, int], keys: Secrets, engine: str = TRYTON
) -> dict[str, dict[str, str]]:
    """File name → variables, as the programs' settings classes name them."""
    return {
        "press.env": _press(paths, ports, keys),
        "agent.env": _agent(paths, ports, keys) | describe_agent(engine),
        "bridge.env": _bridge(paths, ports, keys),
        "lago-sandbox.env": _sandbox(paths, ports, keys),
    }


def _redis(ports: Mapping[str, int], keys: Secrets, database: int) -> str:
    return f"redis://:{keys.redis_password}@{LOOPBACK}:{ports['redis']}/{database}"


def _press(paths: Paths, ports: Mapping[str, int], keys: Secrets) -> dict[str, str]:
    urls = list_urls(ports)
    return {
        "PRESS_HOST": LOOPBACK,
        "PRESS_PORT": str(ports["press-api"]),
        "PRESS_PUBLIC_URL": urls["press-api"],
        "PRESS_DATABASE_URL": f"sqlite:///{paths.state / 'press' / 'press.db'}",
        "PRESS_REDIS_URL": _redis(ports, keys, 0),
        "PRESS_MASTER_KEY": keys.master_key,
        "PRESS_AGENT_KEY_FILE": str(paths.state / "press" / "agent-key.pem"),
        "PRESS_SITE_DOMAIN": "localhost",
        "PRESS_EDGE_PORT": str(ports["edge"]),
        "PRESS_EDGE_ADDRESS": LOOPBACK,
        "PRESS_EDGE_DYNAMIC_FILE": str(paths.state / "edge" / "dynamic" / "sites.yml"),
        "PRESS_EDGE_PAGES_URL": urls["edge-pages"],
    }


def _agent(paths: Paths, ports: Mapping[str, int], keys: Secrets) -> dict[str, str]:
    return {
        "PRESS_AGENT_HOST": LOOPBACK,
        "PRESS_AGENT_PORT": str(ports["agent-api"]),
        "PRESS_AGENT_DATA_DIR": str(paths.state / "agent"),
        "PRESS_AGENT_REDIS_URL": _redis(ports, keys, 1),
        "PRESS_AGENT_BACKUP_STORE": f"folder:{paths.state / 'backups'}",
        "PRESS_AGENT_BENCH_PORT_START": str(ports["benches"]),
        "PRESS_AGENT_IMAGES_DIR": str(ROOT / "images"),
        "PRESS_AGENT_PYTHON": sys.executable,
    }


def _bridge(paths: Paths, ports: Mapping[str, int], keys: Secrets) -> dict[str, str]:
    urls = list_urls(ports)
    return {
        "PRESS_BRIDGE_HOST": LOOPBACK,
        "PRESS_BRIDGE_PORT": str(ports["bridge-api"]),
        "PRESS_BRIDGE_DATABASE_URL": f"sqlite:///{paths.state / 'bridge' / 'bridge.db'}",
        "PRESS_BRIDGE_REDIS_URL": _redis(ports, keys, 2),
        "PRESS_BRIDGE_LAGO_API_URL": urls["lago-sandbox"],
        "PRESS_BRIDGE_LAGO_API_KEY": keys.lago_api_key,
        "PRESS_BRIDGE_WEBHOOK_HMAC_KEY": keys.lago_hmac_key,
        "PRESS_BRIDGE_WEBHOOK_URL": f"{urls['bridge-api']}/webhooks/lago",
        "PRESS_BRIDGE_PRESS_API_URL": urls["press-api"],
        "PRESS_BRIDGE_PRESS_API_TOKEN": keys.bridge_press_token,
        "PRESS_BRIDGE_OPERATOR_TOKEN": keys.bridge_operator_token,
    }


def _sandbox(paths: Paths, ports: Mapping[str, int], keys: Secrets) -> dict[str, str]:
    folder = paths.state / "sandbox"
    return {
        "PRESS_SANDBOX_HOST": LOOPBACK,
        "PRESS_SANDBOX_PORT": str(ports["lago-sandbox"]),
        "PRESS_SANDBOX_DATABASE": str(folder / "lago.sqlite3"),
        "PRESS_SANDBOX_RSA_PRIVATE_KEY": str(folder / "webhook-key.pem"),
        "PRESS_SANDBOX_API_KEY": keys.lago_api_key,
        "PRESS_SANDBOX_HMAC_KEY": keys.lago_hmac_key,
    }


def format_env(variables: Mapping[str, str]) -> str:
    """One ``NAME=value`` a line, values as they are; ``scripts/lib/with-env`` reads it back."""
    return "".join(f"{name}={value}\n" for name, value in variables.items())
