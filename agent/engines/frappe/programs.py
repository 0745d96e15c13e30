"""Argument lists of the programs in the image; pure."""

from collections.abc import Mapping
from pathlib import Path

HOME = Path("/opt/bench")
PYTHON = str(HOME / "env/bin/python")
DRAIN_SECONDS = 1600
"""How long a bench may finish its jobs when it is told to stop: more than Frappe's longest, 1,500 s."""


def environment(bench: Path) -> Mapping[str, str]:
    """All that the programs see of the world; none of the agent's own settings."""
    temporary = "/tmp"  # noqa: S108 - inside the container, which has one of its own
    return {
        "PATH": f"{HOME}/app/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "HOME": temporary,
        "USER": "frappe",
        "PYTHONPATH": str(HOME / "app"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",
        "FRAPPE_STREAM_LOGGING": "1",
        "FRAPPE_BENCH_ROOT": str(bench),
    }


def serve(bench: Path, port: int, control_port: int, socket: Path) -> tuple[str, ...]:
    return (
        *(PYTHON, "-m", "bench_frappe.serve"),
        *("--directory", str(bench)),
        *("--listen", f"0.0.0.0:{port}"),
        *("--control", f"0.0.0.0:{control_port}"),
        *("--database", f"unix://{socket}"),
    )


def make_blank(
    folder: Path, site: str, apps: tuple[str, ...], socket: Path, *, grows: bool
) -> tuple[str, ...]:
    what = ("--apps", ",".join(apps), *(("--grows",) if grows else ()))
    return (*(PYTHON, "-m", "bench_frappe.blank"), *_new(folder, site, socket), *what)


def make_template(folder: Path, site: str, home: str, code: str, socket: Path) -> tuple[str, ...]:
    what = ("--home", home, "--code", code)
    return (*(PYTHON, "-m", "bench_frappe.template"), *_new(folder, site, socket), *what)


def _new(folder: Path, site: str, socket: Path) -> tuple[str, ...]:
    return (
        *("--sites", str(folder / "sites"), "--site", site),
        *("--database", f"unix://{socket}", "--password-file", str(folder / "password")),
    )


def change_apps(sites: Path, site: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    where = ("--sites", str(sites), "--site", site)
    return (PYTHON, "-m", "bench_frappe.apps", *where, "--wanted", ",".join(wanted))


def migrate(sites: Path, site: str, code: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "bench_frappe.migrate", "--sites", str(sites), "--site", site, "--code", code)


def write_backup(sites: Path, site: str, destination: Path) -> tuple[str, ...]:
    return (
        *(PYTHON, "-m", "bench_frappe.backup"),
        *("--sites", str(sites), "--site", site, "--to", str(destination)),
    )


def check_backup(source: Path) -> tuple[str, ...]:
    return (PYTHON, "-m", "bench_frappe.restore", "--source", str(source))


def load_backup(source: Path, sites: Path, site: str, files: Path) -> tuple[str, ...]:
    return (
        *check_backup(source),
        *("--sites", str(sites), "--site", site, "--files", str(files)),
    )
