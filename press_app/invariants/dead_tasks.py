"""No promise is forgotten: a task that failed for good is looked at by a person."""

from collections.abc import Iterator

from sqlalchemy import func, select

from press_app.invariants.base import Invariant, Violation, World
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.ticker import SCHEDULED


def find(world: World) -> Iterator[Violation]:
    """Dead tasks that were not rung again; scheduled ones come again by themselves."""
    with world.work.read() as session:
        is_scheduled = func.coalesce(TaskRow.merge_key, "").like(f"{SCHEDULED}%")
        dead = select(TaskRow).where(TaskRow.status == TaskStatus.DEAD, ~is_scheduled)
        for row in session.scalars(dead.order_by(TaskRow.id.desc()).limit(200)):
            message = f"{row.name} failed {row.attempts} times: {row.error}. Ring it again with 'press task ring {row.id}'."
            yield Violation(f"task:{row.id}", message)


INVARIANT = Invariant("dead-tasks", "No promised work is given up without a person knowing.", find)
