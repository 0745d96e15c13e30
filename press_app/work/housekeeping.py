"""Tasks that keep the work tables small."""

from press_app.work import idempotency, journal
from press_app.work.task import task
from press_app.work.ticker import forget_done
from press_app.work.unit_of_work import Work


@task("work.forget", queue="slow", schedule="23 * * * *", max_attempts=1)
def forget(*, work: Work) -> None:
    """Remove what nobody looks at any more: done tasks, old idempotency keys, old lines."""
    with work.begin(actor="worker") as uow:
        forget_done(uow)
        idempotency.forget_expired(uow)
        journal.forget_old(uow)


TASKS = (forget,)
