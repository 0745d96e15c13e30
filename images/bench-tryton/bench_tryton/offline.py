"""A database that is worked on outside of the bench: a private file of which Tryton knows no other."""

import gc
import hashlib
import importlib.metadata
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from trytond import config as trytond_config

MAIN_LANGUAGE = "en"


def configure(database: Path) -> str:
    """Tell Tryton where the file is; must come before the first import of its models. Returns its name in there."""
    trytond_config.set("database", "uri", "sqlite://")
    trytond_config.set("database", "path", str(database.parent))
    trytond_config.set("database", "language", MAIN_LANGUAGE)
    # Loading makes hundreds of thousands of objects that live on; collecting them over and over costs a fifth of the time.
    gc.disable()
    return database.stem


def load(database: Path, *, update: Sequence[str] = (), languages: Sequence[str] = ()) -> Any:
    """Load the modules that are active, and ``update`` with all that they need. Returns the pool."""
    from trytond.pool import Pool

    name = configure(database)
    Pool.start()
    pool = Pool(name)
    pool.init(update=list(update), lang=list(languages) or None, activatedeps=True)
    return pool


def transact(pool: Any, work: Callable[[], object], **context: object) -> None:
    """Do work as the system itself in one transaction, begun anew where Tryton finds that it must lock more."""
    from trytond.transaction import Transaction, TransactionError

    extras: dict[str, Any] = {}
    while True:
        with Transaction().start(pool.database_name, 0, context=context, **extras) as transaction:
            try:
                work()
                transaction.commit()
            except TransactionError as error:
                transaction.rollback()
                error.fix(extras)
            else:
                return


def list_modules(database: Path) -> list[str]:
    """Return the active modules."""
    return _list(database, "SELECT name FROM ir_module WHERE state = 'activated' ORDER BY name")


def list_languages(database: Path) -> list[str]:
    """Return the languages that the site's people can choose."""
    return _list(database, "SELECT code FROM ir_lang WHERE translatable ORDER BY code")


def list_groups(database: Path) -> list[int]:
    """Return the ids of all groups of people."""
    return _list(database, "SELECT id FROM res_group")


def stamp(database: Path) -> None:
    """Write into the file's head which release its data are of; copies and backups keep it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {read_release()}")


def read_release() -> int:
    """Return a number for the modules that are installed here, the same for the same versions."""
    found = {
        f"{made.metadata['Name']}=={made.version}".lower().replace("-", "_")
        for made in importlib.metadata.distributions()
    }
    names = "\n".join(sorted(name for name in found if name.startswith("trytond")))
    return int.from_bytes(hashlib.sha256(names.encode()).digest()[:4]) >> 1 or 1


def _list(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute(query)]
