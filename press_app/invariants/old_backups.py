"""Every active site has a verified backup younger than two turns. What became active meanwhile is left for its first turn."""

from collections.abc import Iterator

from press_app.invariants.base import Invariant, Violation, World
from press_app.sites import service as sites


def find(world: World) -> Iterator[Violation]:
    """Active sites whose newest verified backup is too old, or that have none."""
    interval = world.settings.backup_interval
    if not interval:
        return
    latest = world.work.clock.now() - 2 * interval
    with world.work.read() as session:
        for site in sites.list_unsaved(session, latest):
            newest = "none" if site.backed_up_at is None else f"of {site.backed_up_at:%F %T} UTC"
            message = (
                f"The newest verified backup of {site.name} is {newest}; what was written since would be lost with its host. "
                f"'press backup list {site.name}' says why, 'press site backup {site.name}' tries now."
            )
            yield Violation(site.target, message)


INVARIANT = Invariant("old-backups", "Every active site has a verified backup younger than two turns.", find)
