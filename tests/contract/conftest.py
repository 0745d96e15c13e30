"""The control plane with its fakes, so that what it sends can be held against the other programs."""

from tests.press_app.conftest import (
    agents,
    bell,
    client,
    clock,
    database,
    driver,
    edge,
    mariadb_database,
    runtime,
    settings,
    sqlite_database,
)

__all__ = [
    "agents",
    "bell",
    "client",
    "clock",
    "database",
    "driver",
    "edge",
    "mariadb_database",
    "runtime",
    "settings",
    "sqlite_database",
]
