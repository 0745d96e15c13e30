"""Doors of the backups for workers."""

from press_app.backups import service
from press_app.backups.rules import Policy
from press_app.config import Settings
from press_app.work.lease import SubjectBusy
from press_app.work.task import going_on, sweep, task
from press_app.work.unit_of_work import Work

EXPIRE_AT_ONCE = 200


@sweep("backup.overdue", schedule="* * * * *")
def overdue(*, work: Work) -> None:
    """End what is being taken for too long."""
    with work.read() as session:
        ids = service.list_overdue(session, work.clock.now())
    for backup_id in ids:
        with going_on("backup.not_ended", backup_id=backup_id), work.begin(actor="reconciler") as uow:
            service.on_overdue(uow, backup_id)


@sweep("backup.look", schedule="* * * * * */10")
def look(*, work: Work, settings: Settings) -> None:
    """See whether it is any site's turn."""
    if settings.backup_interval_minutes == 0:
        return
    with work.read() as session:
        is_due = service.is_anything_due(session, work.clock.now())
    if is_due:
        with work.begin(actor="reconciler") as uow:
            uow.enqueue("backup.round", unique_key="backup.round")


@task("backup.round", queue="slow", max_attempts=1_000, max_wait_seconds=10, lease_seconds=120)
def take_round(*, work: Work, settings: Settings, correlation_id: str) -> None:
    """Back up the sites whose turn it is, as many as their hosts have room for."""
    turn = service.Turn(settings.backup_interval, settings.backup_jobs_per_server)
    with work.read() as session:
        due = service.list_due(session, work.clock.now(), turn.per_server)
    for site_id in due:
        with going_on("backup.not_started", site_id=site_id):
            try:
                with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
                    service.take_turn(uow, site_id, turn)
            except SubjectBusy:
                continue  # It was taken for other work just now; its turn has not passed.


@task("backup.expire", queue="slow", schedule="13 3 * * *", max_attempts=1)
def expire(*, work: Work, correlation_id: str) -> None:
    """Begin to look through all backups for those whose time is over."""
    with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
        uow.enqueue("backup.expire_some", unique_key="backup.expire_some", after_site="")


@task("backup.expire_some", queue="slow", max_attempts=20, lease_seconds=120)
def expire_some(*, work: Work, settings: Settings, correlation_id: str, after_site: str) -> None:
    """Have what is over deleted, of some sites, and go on with the next."""
    with work.read() as session:
        ids = service.list_kept_sites(session, after_site, EXPIRE_AT_ONCE)
    for site_id in ids:
        with (
            going_on("backup.not_expired", site_id=site_id),
            work.begin(actor="reconciler", correlation_id=correlation_id) as uow,
        ):
            service.expire(uow, site_id, policy_of(settings))
    if len(ids) == EXPIRE_AT_ONCE:
        with work.begin(actor="reconciler", correlation_id=correlation_id) as uow:
            uow.enqueue("backup.expire_some", unique_key=f"backup.expire_some:{ids[-1]}", after_site=ids[-1])


def policy_of(settings: Settings) -> Policy:
    """What is kept, as the settings say."""
    return Policy(
        hourly=settings.backup_keep_hourly,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
        manual_days=settings.backup_keep_manual_days,
        change_days=settings.backup_keep_change_days,
    )


TASKS = (overdue, look, take_round, expire, expire_some)
