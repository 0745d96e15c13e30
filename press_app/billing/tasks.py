"""Doors of billing for workers."""

from press_app.billing import service
from press_app.work.task import sweep, task
from press_app.work.unit_of_work import Work


@task("subscription.end", max_attempts=50, max_wait_seconds=60)
def end(*, work: Work, correlation_id: str, subscription_id: str) -> None:
    """Archive the sites of an ended subscription when their time has come."""
    with work.begin(actor="billing", correlation_id=correlation_id) as uow:
        service.end(uow, subscription_id)


@sweep("subscription.sweep", schedule="* * * * * */30")
def look(*, work: Work) -> None:
    """Look again at endings that are not done."""
    with work.read() as session:
        ids = service.list_unfinished_ends(session)
    if not ids:
        return
    with work.begin(actor="billing") as uow:
        for subscription_id in ids:
            uow.enqueue(
                "subscription.end", unique_key=f"end:{subscription_id}", subscription_id=subscription_id
            )


TASKS = (end, look)
