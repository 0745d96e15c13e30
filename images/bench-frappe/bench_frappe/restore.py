"""Check a backup, or bring it back: ``python -m bench_frappe.restore --source … [--sites … --site … --files …]``.

Without a site it only reads the whole file and compares it with its manifest, which it prints as one line of JSON. With one
it loads the dump into the database of the site, with the rights of the site's own user, and unpacks the files into ``--files``.
Exit status 4: this is no whole backup of a Frappe site.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .backup import CHUNK_BYTES, DUMP, MANIFEST, connect_options, read_site

BROKEN = 4
SANDBOX = b"enable the sandbox mode"


def check(source: Path) -> dict[str, Any]:
    """Read everything. Returns the manifest."""
    total = hashlib.sha256()
    manifest: dict[str, Any] = {}
    with tarfile.open(source) as archive:
        for entry in archive:
            stream = archive.extractfile(entry) if entry.isfile() else None
            if stream is None:
                continue
            if entry.name == MANIFEST:
                manifest = json.load(stream)
            elif entry.name == DUMP:
                with gzip.open(stream) as dump:
                    while chunk := dump.read(CHUNK_BYTES):
                        total.update(chunk)
            else:
                while stream.read(CHUNK_BYTES):
                    pass
    if manifest.get("engine") != "frappe" or manifest.get("database_sha256") != total.hexdigest():
        raise ValueError("its manifest is missing or does not fit its dump")
    return manifest


def load(source: Path, sites: Path, site: str, files: Path) -> None:
    """Bring dump and files to where they belong."""
    settings = read_site(sites, site)
    with tarfile.open(source) as archive:
        for entry in archive:
            if entry.name == DUMP:
                stream = archive.extractfile(entry)
                assert stream is not None
                with gzip.open(stream) as dump:
                    _load(settings, dump)
            elif entry.name.startswith("files/"):
                _unpack(archive, entry, files / entry.name.removeprefix("files/"), files)


def _unpack(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path, root: Path) -> None:
    """Only plain files and folders, only below the root: whoever could write the backup could write anything into it."""
    if ".." in target.parts or not target.is_relative_to(root) or not (entry.isfile() or entry.isdir()):
        raise ValueError(f"it has an entry that no site of ours makes: {entry.name}")
    (target if entry.isdir() else target.parent).mkdir(parents=True, exist_ok=True)
    stream = archive.extractfile(entry) if entry.isfile() else None
    if stream is not None:
        with target.open("wb") as writer:
            shutil.copyfileobj(stream, writer, CHUNK_BYTES)


def _load(settings: dict[str, Any], dump: Any) -> None:
    command = ["mariadb", *connect_options(settings), "--binary-mode", settings["db_name"]]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "MYSQL_PWD": settings["db_password"], "LANG": "C.UTF-8"},
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            first = dump.readline()
            # Newer dumps begin with a line that older clients do not know.
            process.stdin.write(b"" if SANDBOX in first else first)
            while chunk := dump.read(CHUNK_BYTES):
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:
            pass
        said = process.stderr.read().decode(errors="replace")
    if process.returncode != 0:
        sys.stderr.write(said)
        raise SystemExit(1)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_frappe.restore", description=__doc__)
    parser.add_argument("--source", required=True, type=Path)
    parser.add_argument("--sites", type=Path)
    parser.add_argument("--site")
    parser.add_argument("--files", type=Path, help="an empty folder for what the site kept in files")
    options = parser.parse_args(argv)
    try:
        if options.site is None:
            sys.stdout.write(f"{json.dumps(check(options.source))}\n")
        else:
            load(options.source, options.sites, options.site, options.files)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(BROKEN) from error


if __name__ == "__main__":
    main()
