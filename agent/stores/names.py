"""Names of stored objects: relative, plain, unable to leave the store."""

import re

from agent.stores.errors import StoreMisnamed

MAX_CHARS = 500
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def check_name(name: str) -> str:
    """Return the name. Raises :class:`StoreMisnamed` when it could mean anything but an object of the store."""
    if len(name) > MAX_CHARS or NAME.fullmatch(name) is None:
        raise StoreMisnamed(
            f"{name!r} is no name of a backup. Nothing was touched; use the location of a backup."
        )
    return name


def name_at(location: str, scheme: str) -> str:
    """Return the name in ``<scheme>:<name>``. Raises :class:`StoreMisnamed`."""
    found, _, name = location.partition(":")
    if found != scheme:
        raise StoreMisnamed(
            f"{location!r} is not in this host's store ({scheme}:). Nothing was touched; restore on a host that uses it."
        )
    return check_name(name)
