"""Make a template: a complete Tryton database that belongs to nobody and is cloned for each new site."""

import argparse
import gc
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from trytond import config as trytond_config

OWNER_LOGIN = "owner"
"""User made in the template for the tenant; the clone renames it and gives it a password."""


def build(modules: Sequence[str], destination: Path, source: Path | None) -> dict[str, object]:
    """Write a template with ``modules`` (and what they depend on) to ``destination``, starting from ``source`` if given.

    The file appears complete or not at all. Returns the active modules, the size in bytes and the seconds taken.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".making-") as folder:
        work = Path(folder) / "template.sqlite"
        trytond_config.set("database", "uri", "sqlite://")
        trytond_config.set("database", "path", folder)
        trytond_config.set("database", "language", "en")
        if source is None:
            sqlite3.connect(work).close()
        else:
            work.write_bytes(source.read_bytes())
        _activate(modules, is_new=source is None)
        from . import company_setup

        if source is None:
            company_setup.make_usable("template", OWNER_LOGIN)
        company_setup.finish("template", OWNER_LOGIN)
        sealed = Path(folder) / "sealed.sqlite"
        active = _seal(work, sealed)
        sealed.replace(destination)
    size = destination.stat().st_size
    return {"modules": active, "size_bytes": size, "seconds": round(time.monotonic() - started, 2)}


def _activate(modules: Sequence[str], *, is_new: bool) -> None:
    from trytond import __series__, backend
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    # Loading makes hundreds of thousands of objects that live on; collecting them over and over costs a fifth of the time.
    gc.disable()
    database = backend.Database("template").connect()
    if is_new:
        database.init()
    database.close()
    Pool.start()
    pool = Pool("template")
    pool.init(update=["ir", "res", *modules] if is_new else list(modules), lang=["en"], activatedeps=True)
    with Transaction().start("template", 0, _lock_tables=["ir_configuration"]):
        configuration = pool.get("ir.configuration")(1)
        configuration.series = __series__
        configuration.language = "en"
        configuration.save()
        languages = pool.get("ir.lang").search([("code", "=", "en")])
        pool.get("ir.lang").write(languages, {"translatable": True})
        pool.get("ir.module").update_list()


def _seal(database: Path, sealed: Path) -> list[str]:
    """Write everything into one small checked file without side files. Returns the active modules."""
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
        rows = connection.execute(
            "SELECT name FROM ir_module WHERE state = 'activated' ORDER BY name"
        ).fetchall()
    with sealed.open("rb") as stream:
        os.fsync(stream.fileno())
    return [name for (name,) in rows]


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
