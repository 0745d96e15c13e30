"""Write all of a site into one file: ``python -m bench_frappe.backup --sites … --site … --to …``.

A tar: ``database.sql.gz`` as one transaction saw it, the site's files, and ``manifest.json`` last, with a hash of the dump and
the key by which the site's own secrets are encrypted. Exit status 3: the site's data are damaged or missing.
"""

import argparse
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

DUMP = "database.sql.gz"
MANIFEST = "manifest.json"
FOLDERS = ("public", "private")
LEFT_OUT = "private/backups"
"""Frappe's own copies of the same."""
CHUNK_BYTES = 1 << 20
UNREADABLE = 3
DAMAGE = (
    "Error 1932",
    "Error 1034",
    "Error 1146",
    "Error: 1932",
    "Unknown database",
    "(1049)",
    "doesn't exist",
)


def connect_options(site: dict[str, Any]) -> list[str]:
    """How MariaDB's own tools reach the database of a site; the password goes by the environment."""
    where = (
        ["--protocol=socket", f"--socket={site['db_socket']}"]
        if site.get("db_socket")
        else ["--protocol=tcp", f"--host={site['db_host']}", f"--port={site['db_port']}"]
    )
    return [*where, f"--user={site['db_name']}", "--default-character-set=utf8mb4"]


def read_site(sites: Path, site: str) -> dict[str, Any]:
    """The settings of a site over those of its bench."""
    found: dict[str, Any] = {}
    for path in (sites / "common_site_config.json", sites / site / "site_config.json"):
        found |= json.loads(path.read_text("utf-8"))
    return found


def write(sites: Path, site: str, destination: Path) -> None:
    settings = read_site(sites, site)
    dump = destination.with_name(f"{destination.name}.sql.gz")
    try:
        digest = _dump(settings, dump)
        with tarfile.open(destination, "w") as archive:
            archive.add(dump, DUMP)
            for name in FOLDERS:
                if (sites / site / name).is_dir():
                    archive.add(sites / site / name, f"files/{name}", filter=_keep)
            manifest = {
                "engine": "frappe",
                "database_sha256": digest,
                "encryption_key": settings.get("encryption_key"),
                "apps": json.loads(Path("/opt/bench/apps.json").read_text("utf-8")),
            }
            text = json.dumps(manifest).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    finally:
        dump.unlink(missing_ok=True)


def _keep(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    inside = entry.name.removeprefix("files/")
    is_ours = (entry.isfile() or entry.isdir()) and not inside.startswith(LEFT_OUT)
    return entry if is_ours else None


def _dump(settings: dict[str, Any], destination: Path) -> str:
    command = [
        "mariadb-dump",
        *connect_options(settings),
        *(
            "--single-transaction",
            "--quick",
            "--skip-lock-tables",
            "--skip-comments",
            "--routines",
            "--triggers",
        ),
        *("--hex-blob", settings["db_name"]),
    ]
    total = hashlib.sha256()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "MYSQL_PWD": settings["db_password"], "LANG": "C.UTF-8"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with gzip.GzipFile(destination, "wb", compresslevel=3, mtime=0) as packed:
            _copy(process.stdout, packed, total)
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        sys.stderr.write(f"{said}\n")
        raise SystemExit(UNREADABLE if any(words in said for words in DAMAGE) else 1)
    return total.hexdigest()


def _copy(source: IO[bytes], target: IO[bytes], total: Any) -> None:
    while chunk := source.read(CHUNK_BYTES):
        total.update(chunk)
        target.write(chunk)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.backup", description=__doc__)
    parser.add_argument("--sites", required=True, type=Path)
    parser.add_argument("--site", required=True)
    parser.add_argument("--to", required=True, type=Path)
    options = parser.parse_args(argv)
    try:
        write(options.sites, options.site, options.to)
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(UNREADABLE) from error


if __name__ == "__main__":
    main()
