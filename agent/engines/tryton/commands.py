"""Argument lists for a release and its programs; pure."""

from dataclasses import dataclass
from pathlib import Path

from agent.engines.port import Locale


def make_environment(python: str, venv: Path, *, with_pip: bool) -> tuple[str, ...]:
    flags = () if with_pip else ("--without-pip",)
    return (python, "-m", "venv", "--clear", *flags, str(venv))


def install_with_pip(venv_python: Path, requirements: Path) -> tuple[str, ...]:
    pip = (str(venv_python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
    return (
        *pip,
        "--only-binary=:all:",
        "--no-compile",
        "--require-hashes",
        "--requirement",
        str(requirements),
    )


def install_with_uv(agent_python: str, venv_python: Path, requirements: Path) -> tuple[str, ...]:
    uv = (agent_python, "-m", "uv", "pip", "install", "--quiet", "--python", str(venv_python))
    return (*uv, "--only-binary=:all:", "--require-hashes", "--requirements", str(requirements))


def install_client(npm: tuple[str, ...]) -> tuple[str, ...]:
    """Install the locked web client in the current folder; hoisting its packages would break its page."""
    flags = (
        "--install-strategy=nested",
        "--ignore-scripts",
        "--omit=dev",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    )
    return (*npm, "ci", *flags)


def make_web_root(venv_python: Path, client: Path, web_root: Path) -> tuple[str, ...]:
    return (str(venv_python), "-m", "bench_tryton.web_root", "--client", str(client), "--to", str(web_root))


def make_template(
    venv_python: Path, modules: tuple[str, ...], destination: Path, source: Path | None
) -> tuple[str, ...]:
    start = () if source is None else ("--source", str(source))
    what = ("--modules", ",".join(modules), "--destination", str(destination))
    return (str(venv_python), "-m", "bench_tryton.template", *what, *start)


def check_locale(venv_python: Path, locale: Locale) -> tuple[str, ...]:
    """Print what of the home is not known."""
    return (
        *(str(venv_python), "-m", "bench_tryton.localise"),
        *("--country", locale.country),
        *("--currency", locale.currency),
        *("--language", locale.language),
        *("--time-zone", locale.time_zone),
    )


def localise_template(venv_python: Path, source: Path, destination: Path, locale: Locale) -> tuple[str, ...]:
    what = ("--source", str(source), "--destination", str(destination))
    return (*check_locale(venv_python, locale), *what)


def change_modules(
    venv_python: Path,
    database: Path,
    *,
    install: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    is_update: bool = False,
) -> tuple[str, ...]:
    return (
        *(str(venv_python), "-m", "bench_tryton.change", "--database", str(database)),
        *(("--install", ",".join(install)) if install else ()),
        *(("--remove", ",".join(remove)) if remove else ()),
        *(("--update",) if is_update else ()),
    )


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a bench's program is told."""

    venv_python: Path
    directory: Path
    web_root: Path
    templates: Path
    port: int
    control_port: int
    is_contained: bool
    """It runs in a network of its own, whose ports the host has at 127.0.0.1."""
    memory_mb: int
    """Resident memory above which idle sites are unloaded."""
    max_databases: int
    num_proxies: int


def serve(bench: Serving) -> tuple[str, ...]:
    address = "0.0.0.0" if bench.is_contained else "127.0.0.1"  # noqa: S104 - inside its own network
    return (
        *(str(bench.venv_python), "-m", "bench_tryton.serve"),
        *("--directory", str(bench.directory)),
        *("--web-root", str(bench.web_root)),
        *("--templates", str(bench.templates)),
        *("--listen", f"{address}:{bench.port}"),
        *("--control", f"{address}:{bench.control_port}"),
        *("--max-memory-mb", str(bench.memory_mb)),
        *("--max-databases", str(bench.max_databases)),
        *("--num-proxies", str(bench.num_proxies)),
    )
