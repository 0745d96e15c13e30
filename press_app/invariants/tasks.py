"""Door of the invariants for workers."""

from press_app.agents.port import Agents
from press_app.config import Settings
from press_app.edge.port import Edge
from press_app.invariants import service
from press_app.invariants.base import World
from press_app.work.task import task
from press_app.work.unit_of_work import Work


@task("invariants.check", queue="slow", schedule="* * * * * */30", max_attempts=1, lease_seconds=120)
def check(*, work: Work, agents: Agents, edge: Edge, settings: Settings) -> None:
    """Check every promise."""
    service.check_all(World(work, agents, edge, settings))


TASKS = (check,)
