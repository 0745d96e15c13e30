"""No working state past its deadline. Leeway one minute: the reconciler looks every ten seconds."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select

from press_app.backups.model import Backup
from press_app.benches.model import Bench
from press_app.invariants.base import Invariant, Violation, World
from press_app.jobs.lifecycle import OPEN
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession
from press_app.sites.model import Site
from press_app.spares.model import Spare

LEEWAY = timedelta(minutes=1)
LIMIT = 200


def find(world: World) -> Iterator[Violation]:
    """Sites, benches, backups, spares and jobs that work for too long."""
    latest = world.work.clock.now() - LEEWAY
    with world.work.read() as session:
        for word, row in _list_stuck(session, latest):
            message = (
                f"It is {row.status} since {row.status_since:%F %T} UTC, which is too long. Look at its job."
            )
            yield Violation(f"{word}:{row.id}", message)
        late = select(Job).where(Job.status.in_(OPEN), Job.due_at < latest).limit(LIMIT)
        for job in session.scalars(late):
            message = f"'{job.purpose}' should have ended at {job.due_at:%F %T} UTC. Does the agent of its server answer?"
            yield Violation(f"job:{job.id}", message)


def _list_stuck(
    session: ReadSession, latest: datetime
) -> Iterator[tuple[str, Site | Bench | Backup | Spare]]:
    for site in session.scalars(select(Site).where(Site.deadline_at < latest).limit(LIMIT)):
        yield "site", site
    for bench in session.scalars(select(Bench).where(Bench.deadline_at < latest).limit(LIMIT)):
        yield "bench", bench
    for backup in session.scalars(select(Backup).where(Backup.deadline_at < latest).limit(LIMIT)):
        yield "backup", backup
    for spare in session.scalars(select(Spare).where(Spare.deadline_at < latest).limit(LIMIT)):
        yield "spare", spare


INVARIANT = Invariant("stuck-states", "No working state lasts past its deadline.", find)
