"""Writes what the programs read: environments, Redis's and Traefik's configuration, supervisor's program files."""

from collections.abc import Mapping, Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agent.commands.supervisord import program_conf
from scripts.bringup.engines import TRYTON
from scripts.bringup.keys import (
    ensure_secret,
    find_secret,
    make_fernet_key,
    make_password,
    make_token,
    make_uuid,
)
from scripts.bringup.ports import LOOPBACK
from scripts.bringup.programs import (
    WITH_ENV,
    Program,
    Secrets,
    format_env,
    list_programs,
    make_environments,
)
from scripts.bringup.state import ROOT, Paths, write_file

BRIDGE_TOKEN = "bridge-press-token"


def load_secrets(paths: Paths) -> Secrets:
    """Make what is missing; the bridge's token comes later, from the control plane."""
    folder = paths.secrets
    return Secrets(
        master_key=ensure_secret(folder, "master-key", make_fernet_key),
        redis_password=ensure_secret(folder, "redis-password", make_password),
        lago_api_key=ensure_secret(folder, "lago-api-key", make_uuid),
        lago_hmac_key=ensure_secret(folder, "lago-hmac-key", make_uuid),
        bridge_operator_token=ensure_secret(folder, "bridge-operator-token", make_token),
        bridge_press_token=find_secret(folder, BRIDGE_TOKEN) or "",
    )


def write_environments(paths: Paths, ports: Mapping[str, int], engine: str = TRYTON) -> set[str]:
    """The env files, with what the owner of this installation has set otherwise; the names of those that changed."""
    environments = make_environments(paths, ports, load_secrets(paths), engine)
    return {
        name
        for name, variables in environments.items()
        if write_file(paths.env / name, format_env({**variables, **read_own(paths, name)}), mode=0o600)
    }


def read_own(paths: Paths, name: str) -> dict[str, str]:
    """The lines of ``settings/<name>``: they replace or add to what ``up`` writes, and outlive it."""
    file = paths.settings / name
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def write_redis(paths: Paths, ports: Mapping[str, int]) -> bool:
    """Redis on loopback with a password, its data appended to disk; whether the file changed."""
    password = load_secrets(paths).redis_password
    lines = (
        f"bind {LOOPBACK}",
        f"port {ports['redis']}",
        f"requirepass {password}",
        f'dir "{paths.state / "redis"}"',
        "daemonize no",
        # Its own title would overwrite its environment, by which a process is known as ours.
        "set-proc-title no",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        # Its housekeeping, once a second instead of ten times: nothing here expires by the tenth of a second.
        "hz 1",
    )
    return write_file(paths.state / "redis" / "redis.conf", "\n".join(lines) + "\n", mode=0o600)


def write_edge(paths: Paths, ports: Mapping[str, int]) -> bool:
    """Traefik's static configuration; whether it changed."""
    dynamic = paths.state / "edge" / "dynamic"
    dynamic.mkdir(parents=True, exist_ok=True)
    text = render_edge(
        web_address=f"{LOOPBACK}:{ports['edge']}",
        internal_address=f"{LOOPBACK}:{ports['edge-internal']}",
        dynamic_dir=str(dynamic),
    )
    return write_file(paths.state / "edge" / "traefik.yml", text)


def render_edge(
    *,
    web_address: str,
    internal_address: str,
    dynamic_dir: str,
    secure_address: str = "",
    domain: str = "",
    email: str = "",
    dns_provider: str = "",
    certificates: str = "",
) -> str:
    """``traefik/static.yml.j2`` with its places filled in; with a secure address the rest must be there, too."""
    loader = FileSystemLoader(ROOT / "traefik")
    # Nothing here is HTML; quotes in a path would break the YAML, so a path with one fails in Traefik, loudly.
    environment = Environment(
        loader=loader, undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    return environment.get_template("static.yml.j2").render(
        web_address=web_address,
        internal_address=internal_address,
        dynamic_dir=dynamic_dir,
        secure_address=secure_address,
        domain=domain,
        email=email,
        dns_provider=dns_provider,
        certificates=certificates,
    )


def write_programs(paths: Paths, ports: Mapping[str, int], engine: str = TRYTON) -> list[Program]:
    """Supervisor's files, one per program; files of programs that are no more are removed."""
    programs = list_programs(paths, ports, engine)
    folder = paths.supervisor / "conf.d"
    for program in programs:
        write_file(folder / f"{program.name}.conf", format_program(program, paths))
    for stale in {path.stem for path in folder.glob("*.conf")} - {program.name for program in programs}:
        (folder / f"{stale}.conf").unlink()
    return programs


def format_program(program: Program, paths: Paths) -> str:
    return program_conf(
        name=program.name,
        argv=with_env(program.argv, paths, program.env_file),
        directory=ROOT,
        environment={},
        log_file=paths.log / f"{program.name}.log",
        stop_seconds=program.stop_seconds,
    )


def with_env(argv: Sequence[str], paths: Paths, *env_files: str) -> tuple[str, ...]:
    """The command with the variables of the env files before it."""
    command = tuple(argv)
    for name in filter(None, env_files):
        command = (str(WITH_ENV), str(paths.env / name), *command)
    return command
