"""Keeps the model classes ("pool") of each database at hand, shared between databases with the same modules.

A pool holds classes, and in the pinned releases of Tryton their making reads nothing but the list of active modules
(``tests/images/bench_tryton/test_pool_sharing.py`` proves it for each release that is pinned). So one pool serves all
databases with that list: a new site costs no loading (about one second) and no 26 MB. A tenant who changes the modules
from inside gets a pool of its own in that very call, because Tryton then builds a fresh one and puts it in place.
"""

import ctypes
import gc
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trytond.cache import Cache

from . import pool_table

PAGE_BYTES = 4096
RELIEF_SECONDS = 5.0


class DatabaseMissing(Exception):
    """There is no file of this name."""


@dataclass
class Loaded:
    """A database that requests may use."""

    users: int = 0
    """Requests at work in it now; only idle ones may be unloaded."""


@dataclass(frozen=True)
class _Prototype:
    pool: Any
    modules: tuple[str, ...]
    pinned: bool


class PoolKeeper:
    """Loads, shares and unloads pools.

    ``max_databases`` bounds how many databases keep their caches, ``max_memory_bytes`` the resident memory above which
    idle databases are unloaded, least recently used first.
    """

    def __init__(
        self, folder: Path, *, max_databases: int, max_memory_bytes: int, is_sharing: bool = True
    ) -> None:
        self._folder = folder
        self._max_databases = max_databases
        self._max_memory = max_memory_bytes
        self._is_sharing = is_sharing
        self._guard = threading.RLock()
        self._loading = threading.Lock()
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._prototypes: dict[frozenset[str], _Prototype] = {}
        self._next_relief = 0.0
        self.loads = 0
        self.evictions = 0

    def pin(self, database: str) -> None:
        """Load a template's pool and keep it for good, so that its clones are served at once."""
        modules = self._read_modules(database)
        with self._loading:
            self._load(database)
            with self._guard:
                self._prototypes[frozenset(modules)] = _Prototype(
                    pool_table.get(database), modules, pinned=True
                )
                self._detach(database)

    @contextmanager
    def using(self, database: str) -> Iterator[None]:
        """Have the database's pool in place for the block; it is not unloaded meanwhile."""
        entry = self._enter(database)
        try:
            yield
        finally:
            with self._guard:
                entry.users -= 1
            self._shrink()

    def stands(self, database: str) -> bool:
        """Whether there is such a file; nothing is loaded for the answer."""
        return (self._folder / f"{database}.sqlite").is_file()

    def unload(self, database: str, *, wait_seconds: float = 5.0) -> bool:
        """Forget pool and caches of a database that was replaced, removed or changed from outside.

        Waits for the requests at work in it, but not for ever: a failed login may sleep for half a minute.
        """
        deadline = time.monotonic() + wait_seconds
        while self._is_used(database) and time.monotonic() < deadline:
            time.sleep(0.01)
        with self._guard:
            was_there = self._loaded.pop(database, None) is not None
            self._detach(database)
        gc.collect()
        return was_there

    def list_loaded(self) -> list[str]:
        """Return the loaded databases, least recently used first."""
        with self._guard:
            return list(self._loaded)

    def count_pools(self) -> int:
        """Count the distinct pools in memory, pinned ones included."""
        with self._guard:
            pinned = {id(prototype.pool) for prototype in self._prototypes.values()}
        return len(pool_table.list_ids() | pinned)

    def _is_used(self, database: str) -> bool:
        with self._guard:
            entry = self._loaded.get(database)
            return entry is not None and entry.users > 0

    def _enter(self, database: str) -> Loaded:
        while True:
            with self._guard:
                entry = self._loaded.get(database)
                if entry is not None and pool_table.has(database):
                    entry.users += 1
                    self._loaded.move_to_end(database)
                    return entry
            modules = self._read_modules(database)
            if not self._attach(database, modules):
                with self._loading:
                    if not self._attach(database, modules):
                        self._load(database)
                        self._remember(database, modules)
            with self._guard:
                self._loaded.setdefault(database, Loaded())

    def _attach(self, database: str, modules: tuple[str, ...]) -> bool:
        """Put a shared pool in place. Returns whether there was one, or a pool stood already."""
        with self._guard:
            if database in self._loaded and pool_table.has(database):
                return True
            prototype = self._prototypes.get(frozenset(modules)) if self._is_sharing else None
            if prototype is None:
                return False
            self._detach(database)
            pool_table.place(database, prototype.pool, prototype.modules)
            return True

    def _load(self, database: str) -> None:
        pool_table.load(database)
        self.loads += 1

    def _remember(self, database: str, modules: tuple[str, ...]) -> None:
        with self._guard:
            self._prototypes.setdefault(
                frozenset(modules),
                _Prototype(pool_table.get(database), modules, pinned=False),
            )

    def _detach(self, database: str) -> None:
        """Take the pool away from the database and from the instances that threads remember."""
        pool_table.remove(database)
        Cache.drop(database)
        with self._guard:
            in_use = pool_table.list_ids()
            for key, prototype in list(self._prototypes.items()):
                if not prototype.pinned and id(prototype.pool) not in in_use:
                    del self._prototypes[key]

    def _shrink(self) -> None:
        """Unload idle databases, oldest first, until the bounds are kept."""
        evicted = 0
        with self._guard:
            is_heavy = self._is_relief_due()
            excess = max(len(self._loaded) - self._max_databases, len(self._loaded) // 4 if is_heavy else 0)
            for database in [name for name, entry in self._loaded.items() if entry.users == 0][:excess]:
                del self._loaded[database]
                self._detach(database)
                evicted += 1
            self.evictions += evicted
        if evicted and is_heavy:
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)

    def _is_relief_due(self) -> bool:
        """Say whether memory is over the bound; not again at once, as freed memory returns to the system late."""
        now = time.monotonic()
        if measure_memory() <= self._max_memory or now < self._next_relief:
            return False
        self._next_relief = now + RELIEF_SECONDS
        return True

    def _read_modules(self, database: str) -> tuple[str, ...]:
        if not self.stands(database):
            raise DatabaseMissing(database)
        uri = f"file:{self._folder / database}.sqlite?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = connection.execute(
                "SELECT name FROM ir_module WHERE state IN ('activated', 'to upgrade', 'to remove') ORDER BY name"
            ).fetchall()
        return tuple(name for (name,) in rows)


def measure_memory() -> int:
    """Return this process's resident bytes."""
    with Path("/proc/self/statm").open() as stream:
        return int(stream.read().split()[1]) * PAGE_BYTES
