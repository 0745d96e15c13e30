"""Deleting what is over: chosen by the rules, removed by the host, kept as a row that says when and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from press_app.backups import rules
from press_app.backups.lifecycle import BackupEvent, BackupStatus
from press_app.backups.model import Backup
from press_app.backups.rules import Policy, Saved
from press_app.benches import service as benches
from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession
from press_app.sites import service as sites
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.work.unit_of_work import UnitOfWork

AT_REST = frozenset({SiteStatus.ACTIVE, SiteStatus.SUSPENDED, SiteStatus.ARCHIVED})
"""While a site is worked on, any of its backups may be needed."""
AT_ONCE = 200
WITHIN = timedelta(hours=1)
ASK_AGAIN = timedelta(days=7)
"""For what a legal hold keeps, and what stands in a store that its host does not use now."""
KEEP_ROWS = timedelta(days=90)


def list_kept_sites(session: ReadSession, after: str, limit: int) -> list[str]:
    """Sites that have backups, in the order of their ids."""
    query = select(Backup.site_id).where(Backup.site_id > after).distinct()
    return list(session.scalars(query.order_by(Backup.site_id).limit(limit)))


def expire(uow: UnitOfWork, site_id: str, policy: Policy) -> int:
    """Have the site's backups deleted whose time is over. Returns how many."""
    site, now = sites.get_site(uow.session, site_id), uow.now()
    _forget_rows(uow, site_id)
    if site.status not in AT_REST or site.bench_id is None:
        return 0
    standing = _list_standing(uow, site_id)
    saved = [Saved(each.id, each.kind, each.taken_at) for each in standing if each.taken_at is not None]
    is_archived = site.status is SiteStatus.ARCHIVED
    reasons = rules.choose_over(saved, policy, now, is_archived=is_archived)
    needed = sites.list_origins(uow.session, site_id)
    over = [
        each
        for each in standing
        if each.id in reasons and each.id not in needed and not _is_locked(each, now)
    ][:AT_ONCE]
    for each in over:
        each.deleted_why = reasons[each.id]
        each.apply(BackupEvent.EXPIRE, now)
    _ask(uow, site, over)
    return len(over)


def _list_standing(uow: UnitOfWork, site_id: str) -> Sequence[Backup]:
    query = select(Backup).where(Backup.site_id == site_id, Backup.status == BackupStatus.VERIFIED)
    return uow.session.scalars(query.order_by(Backup.taken_at)).all()


def _is_locked(backup: Backup, now: datetime) -> bool:
    return backup.locked_until is not None and backup.locked_until > now


def _ask(uow: UnitOfWork, site: Site, over: Sequence[Backup]) -> None:
    """Each host removes what its own store holds."""
    own = benches.get_bench(uow.session, site.bench_id or "").server_id
    by_server: dict[str, list[Backup]] = {}
    for each in over:
        by_server.setdefault(each.server_id or own, []).append(each)
    for server_id, group in by_server.items():
        named = [{"id": each.id, "location": (each.receipt or {})["location"]} for each in group]
        jobs.request_job(
            uow,
            server_id=server_id,
            operation="delete_backups",
            target=site.target,
            params={"bench_id": site.bench_id, "site_id": site.id, "backups": named},
            purpose=f"Delete {len(group)} backups of {site.name} whose time is over",
            within=WITHIN,
            team_id=site.team_id,
            is_exclusive=False,
        )


def on_delete_finished(uow: UnitOfWork, job: Job) -> None:
    """What is gone is deleted; what a lock keeps, or nobody could ask about, stands as it did."""
    result = (job.result or {}) if job.status is JobStatus.SUCCEEDED else {}
    gone = {str(backup_id) for name in ("deleted", "missing") for backup_id in result.get(name, [])}
    locked = {str(each["id"]): each.get("until") for each in result.get("locked", [])}
    locked.update(dict.fromkeys(map(str, result.get("foreign", []))))
    for named in job.params["backups"]:
        backup = uow.session.get(Backup, str(named["id"]))
        if backup is None or backup.status is not BackupStatus.DELETING:
            continue
        if backup.id in gone:
            backup.deleted_at = uow.now()
            backup.apply(BackupEvent.DELETE, uow.now())
        else:
            _keep(uow, backup, locked)
    if missing := result.get("missing"):
        message = (
            f"{len(missing)} backups that were over were not in the store any more: {', '.join(missing)}."
        )
        uow.record("backup.missing", job.target, message, team_id=job.team_id, backup_ids=missing)


def _keep(uow: UnitOfWork, backup: Backup, locked: Mapping[str, str | None]) -> None:
    backup.deleted_why = None
    if backup.id in locked:
        until = locked[backup.id]
        backup.locked_until = datetime.fromisoformat(until) if until else uow.now() + ASK_AGAIN
    backup.apply(BackupEvent.KEEP, uow.now())


def _forget_rows(uow: UnitOfWork, site_id: str) -> None:
    """Rows of what was taken by itself and is long gone; those that somebody asked for stay."""
    ended = Backup.status.in_([BackupStatus.DELETED, BackupStatus.FAILED])
    is_old = Backup.created_at < uow.now() - KEEP_ROWS
    is_gone = Backup.deleted_at.is_(None) | (Backup.deleted_at < uow.now() - KEEP_ROWS)
    query = delete(Backup).where(
        Backup.site_id == site_id, ended, Backup.kind == rules.SCHEDULED, is_old, is_gone
    )
    uow.session.execute(query.execution_options(synchronize_session=False))
