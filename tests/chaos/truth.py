"""What must hold of a whole platform at rest: a sentence for each promise that does not."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import requests
from sqlalchemy.exc import SQLAlchemyError

from press_app.backups.lifecycle import BackupStatus
from press_app.errors import PressError
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.ticker import SCHEDULED
from tests.chaos.books import Books, PressBooks, Standing, checksum, list_held_locks
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant

UNREADABLE = (SQLAlchemyError, sqlite3.Error, requests.RequestException, PressError, OSError)
LATE = timedelta(seconds=5)
"""A task that nobody took for so long after it was due is overdue."""
SEEN = {SiteStatus.ACTIVE: 200, SiteStatus.SUSPENDED: 402, SiteStatus.ARCHIVED: 404}
HELD = {SiteStatus.ACTIVE: "active", SiteStatus.SUSPENDED: "suspended"}
ENDED = frozenset({SiteStatus.ARCHIVED, SiteStatus.PURGED})
WANTED_SITES = {"run": 1, "hold": 1}


def list_broken(platform: Platform, tenants: Sequence[Tenant]) -> list[str]:
    """What does not hold now; empty when everything is where it should be and nothing is under way.

    Cheap enough to be polled. What cannot be read is a broken promise of its own.
    """
    books = Books(platform, tenants)
    broken: list[str] = []
    try:
        for promise in PROMISES:
            try:
                broken += promise(books)
            except UNREADABLE as error:
                what = (promise.__doc__ or "").rstrip(".")
                broken.append(f"It cannot be seen whether this holds: {what} ({_first_line(error)}).")
    finally:
        books.close()
    return broken


def list_promises() -> list[str]:
    """In words, for the documentation and for the end of a run."""
    return [(promise.__doc__ or "").splitlines()[0] for promise in PROMISES]


def one_site_each(books: Books) -> Iterator[str]:
    """A subscription that Lago knows as live has exactly one site, one that ended has none but an archived one."""
    press = books.press
    for tenant in books.tenants:
        wanted = books.ask_lago(tenant)
        sites = [each for each in press.standings if each.external_id == tenant.external_id]
        left = [each for each in sites if each.site.status is not SiteStatus.PURGED]
        yield from _compare_with_lago(press, tenant, wanted)
        if wanted in WANTED_SITES and len(left) != 1:
            yield f"{tenant.external_id} should have one site and has {_name(left)}."
        if len(left) > 1 and wanted not in WANTED_SITES:
            yield f"{tenant.external_id} has more than one site: {_name(left)}."
        for standing in left:
            yield from _compare_wishes(tenant, wanted, standing)
    for standing in press.standings:
        if standing.external_id is None and standing.site.status not in ENDED:
            yield f"{standing.name} lives on no subscription."


def _compare_with_lago(press: PressBooks, tenant: Tenant, wanted: str | None) -> Iterator[str]:
    known = press.subscriptions.get(tenant.external_id)
    told = None if known is None else known.wanted.value
    # One that ended before anybody heard of it need not be known.
    if told != wanted and not (wanted == "end" and known is None):
        yield f"Lago says '{wanted}' of {tenant.external_id}, the control plane holds '{told}'."


def _compare_wishes(tenant: Tenant, wanted: str | None, standing: Standing) -> Iterator[str]:
    site = standing.site
    if wanted == "end" and site.wanted is not Wanted.ARCHIVED:
        yield f"{standing.name} outlives {tenant.external_id}, which has ended."
    if wanted != "end" and standing.is_ended:
        yield f"{standing.name} stays archived though {tenant.external_id} runs again."
    is_held = HoldKind.BILLING in standing.holds
    if wanted in {"run", "hold"} and is_held is not (wanted == "hold"):
        yield f"{standing.name} has {'a' if is_held else 'no'} billing hold, and Lago says '{wanted}'."


def as_wanted(books: Books) -> Iterator[str]:
    """Every site is what it should be: archived, suspended while a hold stands, else active."""
    for standing in books.press.standings:
        site = standing.site
        if site.status is SiteStatus.PURGED:
            continue
        should = SiteStatus.SUSPENDED if standing.holds else SiteStatus.ACTIVE
        if site.wanted is Wanted.ARCHIVED:
            should = SiteStatus.ARCHIVED
        if site.status is not should:
            why = (site.error or {}).get("message", "nothing says why")
            yield f"{standing.name} is {site.status.value} and should be {should.value}: {why}"


def seen_as_it_is(books: Books) -> Iterator[str]:
    """The edge answers as the state says: 200, 402 or 404, and 503 or 404 for what is not ready."""
    for standing in books.press.standings:
        status = standing.site.status
        if standing.site.hostname is None:
            continue
        right = (SEEN[status],) if status in SEEN else (402, 404, 503)
        seen = books.look(standing.site.hostname)
        if seen not in right:
            numbers = " or ".join(str(number) for number in right)
            yield f"The edge answers {seen} for {standing.name}, which is {status.value}: {numbers} is right."


def host_agrees(books: Books) -> Iterator[str]:
    """The host holds each site once and in its state, and nothing of those that are gone."""
    marks = {tenant.hostname for tenant in books.tenants}
    ours = {standing.site.id: standing for standing in books.press.standings}
    held: dict[str, list[str]] = {}
    for site in books.host:
        if site["id"] in ours or site["hostname"] in marks:
            held.setdefault(site["id"], []).append(site["state"])
    for site_id in held:
        if site_id not in ours:
            yield f"The host holds a site {site_id} of a tenant that no row knows."
    for site_id, standing in ours.items():
        right = HELD.get(standing.site.status)
        found, wanted = held.get(site_id, []), [] if right is None else [right]
        if found != wanted:
            yield f"The host holds {standing.name} as {found}, right is {wanted}."
        if right is None:
            yield from _list_traces(books.agent_dir, standing)


def _list_traces(agent_dir: Path, standing: Standing) -> Iterator[str]:
    """Files of a site that should be gone."""
    for path in sorted((agent_dir / "benches").glob(f"*/*/*/*{standing.site.id}*")):
        yield f"{standing.name} is {standing.site.status.value}, and the host still has {path.name}."


def data_stand(books: Books) -> Iterator[str]:
    """The database of each site that runs or is suspended opens and is whole."""
    for standing in books.press.standings:
        if standing.site.status not in HELD:
            continue
        for path in (books.agent_dir / "benches").glob(f"*/*/databases/{standing.site.id}.sqlite"):
            # The schema is read, no page is checked: it is cheap, and a torn file does not get through it.
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=3)) as connection:
                (users,) = connection.execute("SELECT count(*) FROM res_user").fetchone()
            if not users:
                yield f"The database of {standing.name} has no user."


def nothing_found(books: Books) -> Iterator[str]:
    """The platform itself sees no broken promise."""
    ours = {standing.site.id for standing in books.press.standings}
    for finding in books.press.findings:
        kind, _, key = finding.subject.partition(":")
        if kind != "site" or key in ours:
            yield f"The platform says by itself ({finding.invariant}, {finding.subject}): {finding.message}"


def archives_are_saved(books: Books) -> Iterator[str]:
    """Every archived site has a verified backup."""
    saved = {each.site_id for each in books.press.backups if each.status is BackupStatus.VERIFIED}
    for standing in books.press.standings:
        if standing.site.status is SiteStatus.ARCHIVED and standing.site.id not in saved:
            yield f"{standing.name} is archived without a verified backup."


def backups_stand(books: Books) -> Iterator[str]:
    """No backup that was ever verified is gone before its time: its row and its file stand, with the right checksum."""
    rows = {each.id: each for each in books.press.backups}
    verified = books.press.verified | {
        each.id: f"site:{each.site_id}" for each in rows.values() if each.status is BackupStatus.VERIFIED
    }
    for backup_id, target in verified.items():
        if backup_id in rows and rows[backup_id].status is BackupStatus.DELETED:
            continue
        receipt = rows[backup_id].receipt if backup_id in rows else None
        if receipt is None:
            yield f"Backup {backup_id} of {target} was verified, and its row is gone or empty."
            continue
        path = books.store / str(receipt["location"]).removeprefix("folder:")
        found = checksum(path)
        if found != receipt["sha256"]:
            what = "is gone" if found is None else "has other content than was verified"
            yield f"Backup {backup_id} of {target}: its file {path.name} {what}."


def nothing_half_written(books: Books) -> Iterator[str]:
    """No half of a database or of a backup lies about."""
    for site in books.press.sites:
        halves = [
            *(books.agent_dir / "benches").glob(f"*/*/databases/.{site.id}.*.part"),
            *(books.store / site.id).glob(".*.part"),
        ]
        for path in sorted(halves):
            yield f"A half-written file of {site.target} lies in {path.parent.name}: {path.name}."


def nothing_held(books: Books) -> Iterator[str]:
    """Nobody holds a lease or a lock of these sites."""
    for lease in books.press.leases:
        yield f"A lease on {lease.subject} stands: {lease.purpose}."
    subjects = {tenant.external_id for tenant in books.tenants}
    for subject, purpose in books.bridge_leases:
        if subject in subjects:
            yield f"The bridge holds a lease on {subject}: {purpose}."
    ids = {site.id for site in books.press.sites}
    benches = sorted((books.agent_dir / "benches").glob("*/*/locks"))
    for path in list_held_locks([books.agent_dir / "locks", *benches]):
        if path.stem.removeprefix("site-") in ids:
            yield f"A program holds the lock {path.name}."


def nothing_open(books: Books) -> Iterator[str]:
    """No job of these sites is open or unsettled, in the control plane or at the agent; no backup is being taken."""
    for job in books.press.jobs:
        state = job.status.value if job.is_open else f"{job.status.value} and not settled"
        yield f"Job {job.id} ({job.operation} on {job.target}) is {state}."
    targets = {site.target for site in books.press.sites}
    for target, operation in books.ledger[0]:
        if target in targets:
            yield f"The agent has an open {operation} on {target}."
    for backup in books.press.backups:
        if backup.status is BackupStatus.TAKING:
            yield f"Backup {backup.id} of site:{backup.site_id} is being taken."


def no_task_lost(books: Books) -> Iterator[str]:
    """No task is dead, overdue, or held by a worker that is gone."""
    for task in books.press.tasks:
        why = _find_fault(books.press, task)
        if why is not None:
            yield f"Task {task.name} {json.dumps(task.args)} {why}."


def _find_fault(press: PressBooks, task: TaskRow) -> str | None:
    if task.status is TaskStatus.DEAD:
        # What is scheduled comes again by itself.
        is_scheduled = (task.merge_key or "").startswith(SCHEDULED)
        return None if is_scheduled else f"is dead: {task.error}"
    if task.status is TaskStatus.WAITING:
        is_late = task.run_at < press.now - LATE
        return f"is overdue since {task.run_at:%T}: {task.error or 'nobody took it'}" if is_late else None
    is_over = task.lease_until is not None and task.lease_until < press.now
    return "is held by a worker that is gone" if is_over else None


def inbox_is_done(books: Books) -> Iterator[str]:
    """Every event in the bridge's inbox is handled or ignored."""
    for kind, status, attempts, error in books.inbox:
        yield f"An event {kind} in the bridge's inbox is {status} after {attempts} attempts: {error}"


def news_is_heard(books: Books) -> Iterator[str]:
    """The control plane has acknowledged every event of the agent."""
    unheard = books.ledger[1]
    if unheard:
        yield f"The control plane has not acknowledged {unheard} events of the agent."


PROMISES: tuple[Callable[[Books], Iterator[str]], ...] = (
    one_site_each,
    as_wanted,
    seen_as_it_is,
    host_agrees,
    data_stand,
    nothing_found,
    archives_are_saved,
    backups_stand,
    nothing_half_written,
    nothing_held,
    nothing_open,
    no_task_lost,
    inbox_is_done,
    news_is_heard,
)


def _name(standings: Sequence[Standing]) -> str:
    return ", ".join(f"{each.name} {each.site.status.value}" for each in standings) or "none"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
