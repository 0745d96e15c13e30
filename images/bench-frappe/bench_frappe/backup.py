"""Write all of a site into one file: ``python -m bench_frappe.backup --sites … --site … --to …``.

A tar: ``database.sql.gz`` as one transaction saw it, the site's files, and ``manifest.json`` last, with a hash of the dump and
the key by which the site's own secrets are encrypted. Exit status 3: the site's data are damaged or missing.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
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


def write(sites: Path, site: str, destination: Path, settings: dict[str, Any]) -> None:
    """Database first, then what is in files, then what both are."""
    dump = destination.with_name(f"{destination.name}.sql.gz")
    try:
        digest = _dump(settings, dump)
        with tarfile.open(destination, "w") as archive:
            archive.add(dump, DUMP)
            for name in FOLDERS:
                _add_files(archive, sites / site, name)
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


def _add_files(archive: tarfile.TarFile, site: Path, name: str) -> None:
    """All plain files; one that is removed or written meanwhile is left out or is what it was when it was read."""
    for folder, names, found in os.walk(site / name):
        inside = Path(folder).relative_to(site)
        names[:] = [each for each in names if f"{inside / each}" != LEFT_OUT]
        for each in found:
            try:
                handle = os.open(Path(folder) / each, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                continue
            with (
                os.fdopen(handle, "rb") as stream,
                tempfile.TemporaryFile(dir=archive_folder(archive)) as copy,
            ):
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    shutil.copyfileobj(stream, copy, CHUNK_BYTES)
                    entry = tarfile.TarInfo(f"files/{inside / each}")
                    entry.size = copy.tell()
                    copy.seek(0)
                    archive.addfile(entry, copy)


def archive_folder(archive: tarfile.TarFile) -> Path:
    """On the disk that takes the backup: memory is no place for what people upload."""
    return Path(str(archive.name)).parent


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
        settings = read_site(options.sites, options.site)
    except (FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(UNREADABLE) from error
    write(options.sites, options.site, options.to, settings)


if __name__ == "__main__":
    main()
