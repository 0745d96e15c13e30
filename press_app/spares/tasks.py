"""Door of the spares for workers."""

from press_app.config import Settings
from press_app.kit.locale import Locale
from press_app.spares import service
from press_app.spares.rules import Policy
from press_app.work.model import ScheduleRow
from press_app.work.task import task
from press_app.work.unit_of_work import Work


@task("spare.tend", queue="slow", schedule="* * * * *", max_attempts=3)
def tend(*, work: Work, settings: Settings, correlation_id: str) -> None:
    """Keep as many sites ready as the last hour asked for."""
    policy = Policy(settings.spares_min, settings.spares_max, Locale.parse(settings.home))
    with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
        # One at a time: two would count the same stock and each make up for what is missing.
        uow.session.get(ScheduleRow, "spare.tend", with_for_update=True)
        service.tend(uow, policy)


TASKS = (tend,)
