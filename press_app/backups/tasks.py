"""Doors of the backups for workers."""

from press_app.backups import service
from press_app.work.task import going_on, sweep
from press_app.work.unit_of_work import Work


@sweep("backup.overdue", schedule="* * * * *")
def overdue(*, work: Work) -> None:
    """End what is being taken for too long."""
    with work.read() as session:
        ids = service.list_overdue(session, work.clock.now())
    for backup_id in ids:
        with going_on("backup.not_ended", backup_id=backup_id), work.begin(actor="reconciler") as uow:
            service.on_overdue(uow, backup_id)


TASKS = (overdue,)
