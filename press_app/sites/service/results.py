"""Taking the agents' results into the sites, and opening what was seen from outside."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from press_app.edge.port import EXPECTED_STATUS, RouteState, shown
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.kit.locale import Locale
from press_app.sites.lifecycle import SiteEvent, SiteStatus
from press_app.sites.model import Site
from press_app.sites.rules import MAX_FAILURES
from press_app.sites.service import addresses, copies, logins, outcomes, reads
from press_app.spares import service as spares
from press_app.work import lease
from press_app.work.unit_of_work import UnitOfWork

OPENED: Mapping[SiteStatus, SiteEvent] = {
    SiteStatus.INSTALLING: SiteEvent.INSTALLED,
    SiteStatus.SUSPENDING: SiteEvent.SUSPENDED,
    SiteStatus.RESUMING: SiteEvent.RESUMED,
    SiteStatus.ARCHIVING: SiteEvent.ARCHIVED,
    SiteStatus.RESTORING: SiteEvent.RESTORED,
    SiteStatus.UPDATING: SiteEvent.UPDATED,
}
ROUTES: Mapping[SiteStatus, RouteState] = {
    SiteStatus.INSTALLING: RouteState.LIVE,
    SiteStatus.SUSPENDING: RouteState.SUSPENDED,
    SiteStatus.RESUMING: RouteState.LIVE,
    SiteStatus.ARCHIVING: RouteState.NONE,
    SiteStatus.RESTORING: RouteState.LIVE,
    SiteStatus.UPDATING: RouteState.LIVE,
}
"""Which route shows that the host's part is done and only the look from outside is missing."""


def on_create_finished(uow: UnitOfWork, job: Job) -> None:
    """The site stands on the host, or nothing of it does."""
    site = outcomes.get_site_of(uow, job)
    if not outcomes.is_awaited(uow, site, SiteStatus.INSTALLING):
        return
    if job.status is JobStatus.SUCCEEDED:
        site.size_bytes = (job.result or {}).get("size_bytes")
        logins.keep_first(uow, site, job)
        spares.note_made(uow, site.id, site.apps, Locale(**site.locale))
        outcomes.open_edge(uow, site)
        return
    code = (job.error or {}).get("code")
    if code == "spare_missing":
        spares.forget(uow, site.id)
        _make_at_once(uow, site)
    elif code == "locale_unknown" and site.other_locale is not None:
        _take_other_locale(uow, site)
    elif outcomes.is_compensated(job) and site.failures + 1 < MAX_FAILURES:
        outcomes.leave(uow, site)
        outcomes.retry_later(uow, site, job, SiteEvent.INSTALL_UNDONE, "install")
    else:
        outcomes.break_down(uow, site, job, "install")


def _make_at_once(uow: UnitOfWork, site: Site) -> None:
    """Nothing was made, and it is known how it is: no reason to wait."""
    site.apply(SiteEvent.INSTALL_UNDONE, uow.now())
    uow.enqueue("site.converge", unique_key=f"converge:{site.id}", site_id=site.id)


def _take_other_locale(uow: UnitOfWork, site: Site) -> None:
    """Its home was read from an address, not asked for: a site for another one is better than none."""
    words, site.locale, site.other_locale = site.locale, dict(site.other_locale or {}), None
    message = (
        f"Its engine knows no company in {words['country']}; it is made for {site.locale['country']} instead."
    )
    uow.record("site.locale", site.target, message, team_id=site.team_id, wanted=words, made_for=site.locale)
    _make_at_once(uow, site)


def on_suspend_finished(uow: UnitOfWork, job: Job) -> None:
    """The host closed it; the edge has been closed before."""
    site = outcomes.get_site_of(uow, job)
    if not outcomes.is_awaited(uow, site, SiteStatus.SUSPENDING):
        return
    if job.status is JobStatus.SUCCEEDED:
        uow.enqueue("site.verify", unique_key=f"verify:{site.id}", site_id=site.id)
    else:
        outcomes.break_down(uow, site, job, "suspend")


def on_resume_finished(uow: UnitOfWork, job: Job) -> None:
    """The host opened it; now the edge."""
    site = outcomes.get_site_of(uow, job)
    if not outcomes.is_awaited(uow, site, SiteStatus.RESUMING):
        return
    if job.status is JobStatus.SUCCEEDED:
        outcomes.open_edge(uow, site)
    else:
        outcomes.break_down(uow, site, job, "resume")


def on_archive_finished(uow: UnitOfWork, job: Job) -> None:
    """The backup was read back and the host holds nothing; or nothing was removed."""
    site = outcomes.get_site_of(uow, job)
    backup = (job.result or {}).get("backup")
    is_proven = job.status is JobStatus.SUCCEEDED and backup is not None and bool(backup.get("verified_at"))
    outcomes.tell_backup_ended(uow, site, job)
    if not outcomes.is_awaited(uow, site, SiteStatus.ARCHIVING):
        return
    if is_proven:
        site.route = RouteState.NONE
        uow.enqueue("site.verify", unique_key=f"verify:{site.id}", site_id=site.id)
    elif outcomes.is_compensated(job) and site.failures + 1 < MAX_FAILURES:
        site.route = RouteState.SUSPENDED if reads.is_held(uow.session, site.id) else RouteState.MAINTENANCE
        outcomes.retry_later(uow, site, job, SiteEvent.ARCHIVE_REFUSED, "archive")
    else:
        outcomes.break_down(uow, site, job, "archive")


def on_backup_finished(uow: UnitOfWork, job: Job) -> None:
    """A backup was taken and read back, or not; the site goes on."""
    site = outcomes.get_site_of(uow, job)
    outcomes.tell_backup_ended(uow, site, job)
    # What was wished for in the meantime had to wait for the backup.
    uow.enqueue("site.converge", unique_key=f"converge:{site.id}", site_id=site.id)


def on_restore_finished(uow: UnitOfWork, job: Job) -> None:
    """The data stand; now the edge."""
    site = outcomes.get_site_of(uow, job)
    if site.status is SiteStatus.INSTALLING:
        copies.on_copy_finished(uow, site, job)
        return
    if not outcomes.is_awaited(uow, site, SiteStatus.RESTORING):
        return
    if job.status is JobStatus.SUCCEEDED:
        site.size_bytes = (job.result or {}).get("size_bytes", site.size_bytes)
        outcomes.tell_data_replaced(uow, site, job)
        outcomes.open_edge(uow, site)
    elif site.archived_at is not None and outcomes.is_compensated(job) and site.failures + 1 < MAX_FAILURES:
        outcomes.leave(uow, site)
        site.route = RouteState.NONE
        outcomes.retry_later(uow, site, job, SiteEvent.RESTORE_UNDONE, "restore")
        uow.enqueue("edge.publish", unique_key="edge.publish")
    elif site.archived_at is None and outcomes.is_compensated(job):
        message = f"{job.purpose} failed and the data stand as before: {(job.error or {}).get('message', '')}"
        uow.record("site.restore_refused", site.target, message, team_id=site.team_id)
        outcomes.open_edge(uow, site)
    else:
        outcomes.break_down(uow, site, job, "restore")


def on_password_finished(uow: UnitOfWork, job: Job) -> None:
    """Only the journal wants to know; the job says how it ended."""
    site = outcomes.get_site_of(uow, job)
    word = "was set" if job.status is JobStatus.SUCCEEDED else "could not be set; the old one holds"
    uow.record("site.password", site.target, f"The password of {site.hostname} {word}.", team_id=site.team_id)


def on_usage_finished(uow: UnitOfWork, job: Job) -> None:
    """What the site uses now."""
    if job.status is JobStatus.SUCCEEDED and job.result:
        site = outcomes.get_site_of(uow, job)
        site.users = int(job.result["users"])
        site.size_bytes = int(job.result["storage_bytes"])
        site.measured_at = uow.now()


def expected_answer(site: Site, *, is_held: bool) -> int | None:
    """What the edge must answer before the site's move is over; None while the host still works."""
    if ROUTES.get(site.status) is not site.route:
        return None
    if site.status is SiteStatus.UPDATING and site.change is not None:
        return None  # A site that gets another name is open all the time.
    return EXPECTED_STATUS[shown(site.route, is_held=is_held)]


def list_verifiable(session: Session | ReadSession, now: datetime) -> list[str]:
    """Sites whose host's part is done, so that only the look from outside is missing."""
    working = reads.list_by_id(session, reads.list_working(session))
    if not working:
        return []
    held = reads.list_holds_of(session, [site.id for site in working])
    busy = lease.list_live(session, now)
    return [
        site.id
        for site in working
        if site.target not in busy and expected_answer(site, is_held=site.id in held) is not None
    ]


def on_seen(uow: UnitOfWork, site_id: str, seen: int, *, undo_days: int) -> bool:
    """The edge answered ``seen``: end the move when that is right. False when it is not (yet)."""
    site = reads.get_site(uow.session, site_id)
    expected = expected_answer(site, is_held=reads.is_held(uow.session, site_id))
    # The lease is given back when the host's job is settled; before that its part is not known to be done.
    if expected is None or lease.find(uow, site.target) is not None:
        return True
    if seen != expected:
        return False
    was = site.status
    status = site.apply(OPENED[site.status], uow.now())
    site.failures = 0
    site.error = None
    if was is SiteStatus.ARCHIVING:
        site.archived_at = uow.now()
        site.undo_until = uow.now() + timedelta(days=undo_days)
        outcomes.leave(uow, site)
        addresses.release_former(uow, site)
    elif was is SiteStatus.RESTORING:
        site.archived_at = None
        site.undo_until = None
    uow.record(
        f"site.{status}",
        site.target,
        f"{site.hostname} is {status}: seen from outside with {seen}.",
        team_id=site.team_id,
        status=status.value,
    )
    uow.enqueue("site.converge", unique_key=f"converge:{site.id}", site_id=site.id)
    return True


def on_overdue(uow: UnitOfWork, site: Site) -> None:
    """Its working state has no end by itself any more: tell a person. Nothing when it ended in the meantime."""
    was = site.status
    if site.deadline_at is None or site.deadline_at >= uow.now() or lease.find(uow, site.target) is not None:
        return
    site.error = {
        "code": "deadline_passed",
        "message": f"It was {was} for too long. Its data were not touched by this. Look at its jobs.",
        "action": {
            SiteStatus.INSTALLING: "install",
            SiteStatus.SUSPENDING: "suspend",
            SiteStatus.RESUMING: "resume",
            SiteStatus.ARCHIVING: "archive",
            SiteStatus.RESTORING: "restore",
            SiteStatus.UPDATING: "resume" if site.change is None else "change",
        }[was],
    }
    site.failures += 1
    site.apply(SiteEvent.FAIL, uow.now())
    message = f"{site.error['message']} It is {outcomes.try_again(uow, site)}."
    uow.record("site.broken", site.target, message, team_id=site.team_id, status=site.status.value)
