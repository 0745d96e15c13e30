"""Taking the results of changes into the sites."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from press_app.benches import service as benches
from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.sites import rules
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Site
from press_app.sites.service import addresses, changes, leftovers, outcomes, reads
from press_app.work.unit_of_work import UnitOfWork

CLOSE, PROBE, DROP = "ensure_closed", "probe", "ensure_dropped"
"""Keys of steps (docs/contracts/agent.md)."""


def on_apps_finished(uow: UnitOfWork, job: Job) -> None:
    """The apps are as they were asked for, or as they were before, or neither."""
    site = outcomes.get_site_of(uow, job)
    outcomes.tell_backup_ended(uow, site, job)
    if not _is_awaited(uow, site):
        return
    if job.status is not JobStatus.SUCCEEDED:
        _end_badly(uow, site, job)
        return
    before = site.apps
    # It may have more than was asked for: apps need others.
    outcomes.take_apps(uow, site, outcomes.read_apps(job) or job.params["apps"])
    site.size_bytes = (job.result or {}).get("size_bytes", site.size_bytes)
    closed = find_closed_seconds(job)
    _end_well(uow, site, rules.say_difference(*rules.compare(before, site.apps)), closed)


def on_rename_finished(uow: UnitOfWork, job: Job) -> None:
    """The site answers under its new name, or under its old one, or nobody knows."""
    site = outcomes.get_site_of(uow, job)
    if not _is_awaited(uow, site):
        return
    change = site.change or {}
    if job.status is JobStatus.SUCCEEDED:
        old = addresses.become(uow, site, change["name"], change["hostname"])
        until = uow.now() + addresses.KEPT
        _end_well(uow, site, f"It is {site.hostname} now; {old} leads there until {until:%-d %B %Y}.", None)
    else:
        if outcomes.is_compensated(job):
            addresses.release_claim(uow, site)
        _end_badly(uow, site, job)


def on_move_finished(uow: UnitOfWork, job: Job) -> None:
    """The site serves from the other bench, or from its own as before, or nobody knows."""
    site = outcomes.get_site_of(uow, job)
    outcomes.tell_backup_ended(uow, site, job)
    if not _is_awaited(uow, site):
        return
    if job.status is JobStatus.SUCCEEDED:
        _arrive(uow, site, job, is_old_gone=True)
    elif (job.error or {}).get("step") == DROP:
        _arrive(uow, site, job, is_old_gone=False)
    elif _may_have_arrived(site, job):
        uow.enqueue("site.look_for", unique_key=f"look:{site.id}", site_id=site.id)
    elif outcomes.is_compensated(job):
        if site.to_bench_id is not None:
            benches.give_place_back(uow, site.to_bench_id)
            site.to_bench_id = None
        _end_badly(uow, site, job)
    else:
        _end_badly(uow, site, job)


def _may_have_arrived(site: Site, job: Job) -> bool:
    """Whether an attempt of which nobody heard may have moved it; the host is asked where it is before that is said."""
    is_repeated = int((site.change or {}).get("tries", 1)) > 1
    return is_repeated and (job.error or {}).get("code") == "site_unknown"


def find_target(session: Session | ReadSession, site_id: str) -> str | None:
    """The bench on which a site is looked for that its own bench does not know; None where nobody looks any more."""
    site = reads.get_site(session, site_id)
    return site.to_bench_id if site.change is not None and site.status is SiteStatus.UPDATING else None


def on_looked_for(uow: UnitOfWork, site_id: str, held_on: Collection[str]) -> None:
    """The host said on which benches it holds the site: where it was moving, or not there."""
    site = reads.get_site(uow.session, site_id)
    job = jobs.find_newest(uow.session, site.target, "move_site")
    if job is None or find_target(uow.session, site_id) is None or not _is_awaited(uow, site):
        return
    if site.to_bench_id in held_on:
        _arrive(uow, site, job, is_old_gone=site.bench_id not in held_on)
        return
    where = "on its own bench" if site.bench_id in held_on else "on neither bench"
    changes.end_note(uow, site, "failed", f"{job.purpose} failed half-way: the host holds it {where}.")
    outcomes.break_down(uow, site, job, "change")


def _arrive(uow: UnitOfWork, site: Site, job: Job, *, is_old_gone: bool) -> None:
    old, site.bench_id, site.to_bench_id = site.bench_id or "", site.to_bench_id, None
    site.size_bytes = (job.result or {}).get("size_bytes", site.size_bytes)
    uow.session.flush()
    release = benches.get_release_of(uow.session, site.bench_id or "").name
    message = f"It serves from a bench of release {release} now."
    if is_old_gone:
        benches.give_place_back(uow, old)
    else:
        leftovers.note(uow, site, old)
        message += " What it left on the old one could not be removed yet; that is tried again by itself."
    _end_well(uow, site, message, find_closed_seconds(job))


def _is_awaited(uow: UnitOfWork, site: Site) -> bool:
    return site.change is not None and outcomes.is_awaited(uow, site, SiteStatus.UPDATING)


def _end_well(uow: UnitOfWork, site: Site, message: str, closed: float | None) -> None:
    site.change = None
    said = message if closed is None else f"{message} It was closed for {closed:.1f} s."
    changes.end_note(uow, site, "done", said, closed_seconds=closed)
    outcomes.open_edge(uow, site)


def _end_badly(uow: UnitOfWork, site: Site, job: Job) -> None:
    """Everything stands as before, or the site is broken until the change was tried again."""
    why = (job.error or {}).get("message", job.status.value)
    if outcomes.is_compensated(job):
        site.change = None
        message = f"{job.purpose} failed, and everything stands as before: {why}"
        changes.end_note(uow, site, "undone", message, closed_seconds=find_closed_seconds(job))
        outcomes.open_edge(uow, site)
        return
    changes.end_note(uow, site, "failed", f"{job.purpose} failed half-way: {why}")
    outcomes.break_down(uow, site, job, "change")


def find_closed_seconds(job: Job) -> float | None:
    """For how long the host let nobody in: as it says, else by its steps; None where it never closed the site."""
    told = (job.result or {}).get("closed_seconds")
    if isinstance(told, int | float):
        return float(told)
    steps = {step.get("key"): step for step in job.steps}
    start = _read_moment(steps.get(CLOSE), "started_at")
    end = _read_moment(steps.get(PROBE), "finished_at") or job.ended_at
    if start is None or end is None:
        return None
    return round(max((end - start).total_seconds(), 0.0), 1)


def _read_moment(step: dict[str, Any] | None, field: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(str((step or {})[field]))
    except (KeyError, ValueError):
        return None
    return found if found.tzinfo else None
