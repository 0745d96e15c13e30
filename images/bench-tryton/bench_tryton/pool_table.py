"""Tryton's own table of pools, reached into in this one place.

Tryton keeps ``database -> pool`` in class attributes and a remembered instance per thread and database. There is no
public way to place a pool that exists, so the pinned version's names are used; the tests fail if a version renames them.
"""
# ruff: noqa: SLF001

from collections.abc import Sequence
from typing import Any

from trytond.pool import Pool


def has(database: str) -> bool:
    return database in Pool._pools


def get(database: str) -> Any:
    return Pool._pools[database]


def load(database: str) -> None:
    """Build the database's pool from its list of modules: about one second in which all other tenants wait."""
    Pool(database).init()


def place(database: str, pool: Any, modules: Sequence[str]) -> None:
    """Let the database use a pool that was built for another one with the same modules."""
    with Pool._lock:
        _forget_instances(database)
        Pool._pool_modules[database] = list(modules)
        Pool._pools[database] = pool


def remove(database: str) -> None:
    """Take the pool away from the database and from the instances that threads remember."""
    with Pool._lock:
        Pool._pools.pop(database, None)
        Pool._pool_modules.pop(database, None)
        _forget_instances(database)


def list_ids() -> set[int]:
    """Return the identities of the pools in the table."""
    with Pool._lock:
        return {id(pool) for pool in Pool._pools.values()}


def _forget_instances(database: str) -> None:
    for instance in list(Pool._pool_instances):
        if getattr(instance, "database_name", None) == database:
            Pool._pool_instances.discard(instance)
            instance._pool = None  # A thread remembers the instance for good; it must not keep 26 MB alive.
