"""Doors of the benches for workers."""

from press_app.benches import service
from press_app.work.task import going_on, sweep
from press_app.work.unit_of_work import Work


@sweep("bench.overdue", schedule="* * * * *")
def overdue(*, work: Work) -> None:
    """End what is worked on for too long."""
    with work.read() as session:
        ids = service.list_overdue(session, work.clock.now())
    for bench_id in ids:
        with going_on("bench.not_ended", bench_id=bench_id), work.begin(actor="reconciler") as uow:
            service.on_overdue(uow, bench_id)


TASKS = (overdue,)
