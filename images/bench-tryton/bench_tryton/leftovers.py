"""What Tryton leaves behind of a module that is deactivated: rows, columns, names of records. They go with it."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Column = tuple[str, str]
"""A table and a column of it."""
HANGING = ("ir_attachment", "ir_note")
"""Tables whose rows hang on records of any model, by ``resource``."""


def empty(database: Path, pool: Any, modules: Iterable[str], kept: Iterable[str]) -> list[str]:
    """Delete all rows of the models that only ``modules`` have, and what hangs on them. Returns their tables.

    Else a row of a tenant's keeps Tryton from removing what the row names.
    """
    names = sorted(_list_models(modules) - _list_models(kept))
    tables = [table for name in names if (table := _find_table(pool, name))]
    with _opened(database) as connection:
        present = _list_tables(connection)
        gone = [each for table in tables for each in (table, f"{table}__history") if each in present]
        for table in gone:
            connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - names of Tryton's own tables
        for name in names:
            connection.execute("DELETE FROM ir_model_data WHERE model = ?", (name,))
            for table in HANGING:
                connection.execute(f"DELETE FROM {table} WHERE resource LIKE ? || ',%'", (name,))  # noqa: S608
    return gone


def list_columns(pool: Any) -> set[Column]:
    """Return all columns that the models of the pool store."""
    return {
        (model._table, name)  # noqa: SLF001
        for _, model in pool.iterobject()
        if _has_table(model)
        for name, field in model._fields.items()
        if field.sql_type()
    }


def drop(database: Path, tables: Collection[str], columns: Iterable[Column]) -> None:
    """Drop the tables, and forget what the columns of other tables hold."""
    with _opened(database) as connection:
        for table in tables:
            connection.execute(f'DROP TABLE "{table}"')
        present = _list_tables(connection)
        for table, column in columns:
            if table in present:
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = NULL WHERE "{column}" IS NOT NULL'  # noqa: S608
                )


def forget_records(database: Path) -> None:
    """Forget which records came from modules that are not active: what they name is gone, and they keep a module from coming back."""
    with _opened(database) as connection:
        connection.execute(
            "DELETE FROM ir_model_data WHERE module IN (SELECT name FROM ir_module WHERE state = 'not activated')"
        )


def _list_models(modules: Iterable[str]) -> set[str]:
    """Return the names of the models that the modules define or extend."""
    from trytond.pool import Pool
    from trytond.tools import resolve

    found = set()
    for module in modules:
        package = f"trytond.{module}" if module in {"ir", "res"} else f"trytond.modules.{module}"
        for made in Pool.classes["model"].get(module, {}):
            cls = resolve(f"{package}.{made}") if isinstance(made, str) else made
            found.add(str(cls.__name__))
    return found


def _find_table(pool: Any, name: str) -> str | None:
    try:
        model = pool.get(name)
    except KeyError:
        return None
    return str(model._table) if _has_table(model) else None  # noqa: SLF001


def _has_table(model: Any) -> bool:
    from trytond.model import ModelSQL

    return issubclass(model, ModelSQL) and not callable(getattr(model, "table_query", None))


def _list_tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database)) as connection, connection:
        yield connection
