"""Make a template: a complete Tryton database that belongs to nobody and is cloned for each new site."""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from . import offline

OWNER_LOGIN = "owner"
"""User made in the template for the tenant; the clone renames it and gives it a password."""


def build(modules: Sequence[str], destination: Path, source: Path | None) -> dict[str, object]:
    """Write a template with ``modules`` (and what they depend on) to ``destination``, starting from ``source`` if given.

    The file appears complete or not at all. Returns the active modules, the size in bytes and the seconds taken.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".making-") as folder:
        work = Path(folder) / "template.sqlite"
        offline.configure(work)
        if source is None:
            sqlite3.connect(work).close()
        else:
            work.write_bytes(source.read_bytes())
        _activate(work, modules, is_new=source is None)
        from . import company_setup

        if source is None:
            company_setup.make_usable(work.stem, OWNER_LOGIN)
        company_setup.finish(work.stem, OWNER_LOGIN)
        return finish(work, destination, started)


def finish(work: Path, destination: Path, started: float) -> dict[str, object]:
    """Put what was made in its place. Returns the active modules, the size in bytes and the seconds taken."""
    sealed = work.with_name("sealed.sqlite")
    _seal(work, sealed)
    sealed.replace(destination)
    return {
        "modules": offline.list_modules(destination),
        "size_bytes": destination.stat().st_size,
        "seconds": round(time.monotonic() - started, 2),
    }


def _activate(work: Path, modules: Sequence[str], *, is_new: bool) -> None:
    from trytond import __series__, backend
    from trytond.transaction import Transaction

    database = backend.Database(work.stem).connect()
    if is_new:
        database.init()
    database.close()
    pool = offline.load(
        work, update=["ir", "res", *modules] if is_new else modules, languages=[offline.MAIN_LANGUAGE]
    )
    with Transaction().start(work.stem, 0, _lock_tables=["ir_configuration"]):
        configuration = pool.get("ir.configuration")(1)
        configuration.series = __series__
        configuration.language = offline.MAIN_LANGUAGE
        configuration.save()
        languages = pool.get("ir.lang").search([("code", "=", offline.MAIN_LANGUAGE)])
        pool.get("ir.lang").write(languages, {"translatable": True})
        pool.get("ir.module").update_list()


def _seal(database: Path, sealed: Path) -> None:
    """Write everything into one small checked file without side files, which says what release it is of."""
    offline.stamp(database)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("DELETE FROM ir_session")
        connection.execute("ANALYZE")
        connection.execute("VACUUM INTO ?", (str(sealed),))
    with closing(sqlite3.connect(sealed, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise SystemExit(
                f"The template is damaged ({verdict}); nothing was kept. Check the disk and try again."
            )
    with sealed.open("rb") as stream:
        os.fsync(stream.fileno())


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_tryton.template", description=__doc__)
    parser.add_argument("--modules", required=True, help="comma-separated Tryton modules")
    parser.add_argument("--destination", required=True, type=Path)
    parser.add_argument("--source", type=Path, help="a template to start from")
    options = parser.parse_args(argv)
    result = build(options.modules.split(","), options.destination.resolve(), options.source)
    json.dump(result, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
