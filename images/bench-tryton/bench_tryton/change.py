"""Change a site's modules in a private copy of its database: install some, remove others, update all.

``--install`` and ``--remove`` name modules; ``--update`` brings all active ones to the release. The last line says what became
of it: ``{"modules": [...]}``, or ``{"refused": "..."}``, and then the copy is worth nothing.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import leftovers, offline

ADMINISTRATORS = "group_admin"


def install(database: Path, modules: Sequence[str]) -> None:
    """Activate modules with all that they need; whoever administers the site is let into what they bring."""
    leftovers.forget_records(database)
    groups = offline.list_groups(database)
    pool = offline.load(database, update=modules, languages=offline.list_languages(database))
    offline.transact(pool, lambda: _let_in(pool, groups))
    offline.transact(pool, lambda: _finish_wizards(pool))


def remove(database: Path, modules: Sequence[str]) -> None:
    """Deactivate modules as Tryton does, and drop the records that were theirs.

    Raises :class:`trytond.exceptions.UserError` when others need a module or what it brought.
    """
    pool = offline.load(database)
    kept = set(offline.list_modules(database)) - set(modules)
    offline.transact(pool, lambda: _mark(pool, modules))
    tables = leftovers.empty(database, pool, modules, kept)
    columns: set[leftovers.Column] = set()
    offline.transact(pool, lambda: columns.update(leftovers.list_columns(pool)))
    pool = offline.load(database, update=modules, languages=offline.list_languages(database))
    offline.transact(pool, lambda: columns.difference_update(leftovers.list_columns(pool)))
    leftovers.drop(database, tables, columns)
    leftovers.forget_records(database)


def update(database: Path) -> None:
    """Bring every active module, and the tables, to what is installed here."""
    modules = offline.list_modules(database)
    pool = offline.load(database, update=modules, languages=offline.list_languages(database))
    offline.transact(pool, lambda: _finish_wizards(pool))


def _mark(pool: Any, modules: Sequence[str]) -> None:
    """Mark modules for their removal, those first that need the others."""
    from trytond.modules import create_graph

    order = [node.name for node in create_graph(set(offline.list_modules(_get_path(pool))))]
    listed = pool.get("ir.module")
    for name in sorted(modules, key=order.index, reverse=True):
        listed.deactivate(listed.search([("name", "=", name)]))


def _let_in(pool: Any, before: list[int]) -> None:
    from trytond.transaction import inactive_records

    new = [group.id for group in pool.get("res.group").search([("id", "not in", before)])]
    administrators = pool.get("ir.model.data").get_id("res", ADMINISTRATORS)
    users = pool.get("res.user")
    with inactive_records():
        people = users.search([("groups", "=", administrators)])
    if new and people:
        users.write(people, {"groups": [("add", new)]})


def _finish_wizards(pool: Any) -> None:
    """Nobody is asked questions whose answers the template knows."""
    items = pool.get("ir.module.config_wizard.item")
    items.write(items.search([("state", "=", "open")]), {"state": "done"})


def _get_path(pool: Any) -> Path:
    from trytond import config

    return Path(config.get("database", "path")) / f"{pool.database_name}.sqlite"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_tryton.change", description=__doc__)
    parser.add_argument("--database", required=True, type=Path)
    parser.add_argument("--install", default="", help="comma-separated modules")
    parser.add_argument("--remove", default="", help="comma-separated modules")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args(argv)
    database: Path = options.database.resolve()
    offline.configure(database)
    from trytond.exceptions import UserError

    try:
        if options.install:
            install(database, options.install.split(","))
        if options.remove:
            remove(database, options.remove.split(","))
        if options.update:
            update(database)
    except UserError as refusal:
        result: dict[str, object] = {
            "refused": " ".join(f"{refusal.message} {refusal.description or ''}".split())
        }
    else:
        offline.stamp(database)
        result = {"modules": offline.list_modules(database)}
    json.dump(result, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
