"""What the end of a job can mean for its site: opened, left, tried again, broken."""

from collections.abc import Sequence

from press_app.benches import service as benches
from press_app.edge.port import RouteState
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.plans import rules as plan_rules
from press_app.plans.errors import AppUnknown
from press_app.sites import rules
from press_app.sites.events import SiteBackupEnded, SiteDataReplaced
from press_app.sites.lifecycle import SiteEvent, SiteStatus
from press_app.sites.model import Site
from press_app.sites.rules import MAX_FAILURES
from press_app.sites.service import reads
from press_app.work import lease
from press_app.work.unit_of_work import UnitOfWork


def get_site_of(uow: UnitOfWork, job: Job) -> Site:
    """The site that the job was about."""
    return reads.get_site(uow.session, str(job.params["site_id"]))


def is_awaited(uow: UnitOfWork, site: Site, status: SiteStatus) -> bool:
    """Whether the site waits for this job: its lease was given back just now, so a lease is a newer job's."""
    return site.status is status and lease.find(uow, site.target) is None


def open_edge(uow: UnitOfWork, site: Site) -> None:
    """Open the edge; where a hold came in the meantime it stays closed."""
    site.route = RouteState.LIVE
    uow.enqueue("site.verify", unique_key=f"verify:{site.id}", site_id=site.id)


def leave(uow: UnitOfWork, site: Site) -> None:
    """The host holds nothing of it; it stops to count on its bench."""
    if site.has_place and site.bench_id is not None:
        benches.give_place_back(uow, site.bench_id)
        site.has_place = False


def is_compensated(job: Job) -> bool:
    """Whether it failed and everything stands as before."""
    return job.status is JobStatus.FAILED and bool((job.error or {}).get("compensated"))


def retry_later(uow: UnitOfWork, site: Site, job: Job, event: SiteEvent, action: str) -> None:
    """It left nothing: back to where it came from, and the next attempt is planned."""
    site.failures += 1
    site.error = {**(job.error or {}), "action": action}
    site.apply(event, uow.now())
    message = f"{job.purpose} failed and left nothing behind; {try_again(uow, site)}."
    uow.record(f"site.{site.status}", site.target, message, team_id=site.team_id, status=site.status.value)


def try_again(uow: UnitOfWork, site: Site) -> str:
    """Plan the next attempt with growing waits, and say so; after some attempts a person is asked."""
    if site.failures >= MAX_FAILURES:
        site.retry_at = None
        return f"retry it with 'press site retry {site.name}'"
    wait = rules.retry_wait(site.failures)
    site.retry_at = uow.now() + wait
    uow.enqueue("site.converge", after=wait, unique_key=f"converge:{site.id}", site_id=site.id)
    return f"tried again in {wait.total_seconds():.0f} s"


def break_down(uow: UnitOfWork, site: Site, job: Job, action: str) -> None:
    """It may have left something: the site is broken until the next attempt, or until somebody looks."""
    site.failures += 1
    site.error = {
        **(job.error or {"code": "job_" + job.status.value, "message": f"{job.purpose}: {job.status}"}),
        "action": action,
    }
    site.apply(SiteEvent.FAIL, uow.now())
    message = f"{job.purpose} failed: {site.error.get('message', '')} It is {try_again(uow, site)}."
    uow.record("site.broken", site.target, message, team_id=site.team_id, status=site.status.value)


def read_apps(job: Job) -> tuple[str, ...] | None:
    """The apps that the site has now, as its host says; None where it does not, or where that cannot be."""
    told = (job.result or {}).get("apps")
    try:
        return plan_rules.check_apps(map(str, told)) if isinstance(told, list) and told else None
    except AppUnknown:
        return None


def take_apps(uow: UnitOfWork, site: Site, apps: Sequence[str]) -> None:
    """These are its apps from now on; settings of others go with them, as every later order would be refused for them."""
    _, removed = rules.compare(site.apps, apps)
    site.apps = list(apps)
    orphans = rules.list_orphans(site.config, removed, apps)
    if orphans:
        site.config = {key: value for key, value in site.config.items() if key not in orphans}
        message = f"Settings of apps that it has no more went with them: {', '.join(orphans)}."
        uow.record("site.config", site.target, message, team_id=site.team_id, keys=orphans)


def tell_data_replaced(uow: UnitOfWork, site: Site, job: Job) -> None:
    """Whoever keeps backups knows what the site had then; the host, what is in them."""
    backup_id = job.params["backup"].get("id")
    if backup_id:
        uow.publish(SiteDataReplaced(site.id, str(backup_id), read_apps(job)))


def tell_backup_ended(uow: UnitOfWork, site: Site, job: Job) -> None:
    """Whoever keeps backups learns what became of this one."""
    # A backup that was read back counts, even when the job failed in a later step.
    backup = (job.result or {}).get("backup")
    error = None if backup else str((job.error or {}).get("message", job.status))
    uow.publish(SiteBackupEnded(str(job.params["backup_id"]), site.id, backup, error))
