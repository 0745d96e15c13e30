"""What a site left on a bench that it is not on any more: removed by itself, and counted there until it is gone."""

from collections.abc import Sequence

from sqlalchemy import select

from press_app.benches import service as benches
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.db import ReadSession, Session
from press_app.sites import rules
from press_app.sites.lifecycle import SiteStatus
from press_app.sites.model import Leftover, Site
from press_app.sites.service import orders, reads
from press_app.spares import service as spares
from press_app.work.unit_of_work import UnitOfWork

DROP_WITHIN = orders.CLOSE_WITHIN
GONE = frozenset({SiteStatus.ARCHIVED, SiteStatus.PURGED})
"""States in which no bench holds the site, so that nothing of it can be mixed up with what it left."""


def note(uow: UnitOfWork, site: Site, bench_id: str) -> None:
    """The site left data there. Its place there is this row's now, until they are gone."""
    if uow.session.get(Leftover, (site.id, bench_id)) is None:
        uow.session.add(
            Leftover(site_id=site.id, bench_id=bench_id, retry_at=uow.now(), created_at=uow.now())
        )
        uow.session.flush()
    uow.enqueue("site.drop_leftover", unique_key=_key(site.id, bench_id), site_id=site.id, bench_id=bench_id)


def find_own_bench(session: Session | ReadSession, site_id: str, bench_id: str) -> str | None:
    """The bench that must hold the site before what it left on this one is removed; None where there is no hurry to look.

    Raises ``site_unknown``.
    """
    leftover = session.get(Leftover, (site_id, bench_id))
    site = reads.get_site(session, site_id)
    if leftover is None or leftover.retry_at is None or site.bench_id in {None, bench_id}:
        return None
    return site.bench_id


def request_drop(uow: UnitOfWork, site_id: str, bench_id: str, *, is_standing: bool) -> bool:
    """Remove what is left there, when the site was seen to stand on its own bench. False when it has to wait.

    Of data that may be the only ones nothing is removed.
    """
    site = reads.get_site(uow.session, site_id)
    leftover = uow.session.get(Leftover, (site_id, bench_id), with_for_update=True)
    if leftover is None or leftover.retry_at is None:
        return True
    if not is_standing and site.status not in GONE:
        _wait(uow, site, leftover)
        return False
    leftover.retry_at = None
    orders.request(
        uow,
        site,
        "drop_site",
        purpose=f"Remove what {site.hostname or site.name} left on its old bench",
        within=DROP_WITHIN,
        is_exclusive=False,
        params={},
        bench_id=bench_id,
    )
    return True


def on_drop_finished(uow: UnitOfWork, job: Job) -> None:
    """Nothing is left there any more, or it is tried again; what was no site's is the spares'."""
    site_id, bench_id = str(job.params["site_id"]), str(job.params["bench_id"])
    leftover = uow.session.get(Leftover, (site_id, bench_id))
    if leftover is None:
        spares.on_drop_finished(uow, job)
        return
    site = reads.get_site(uow.session, site_id)
    if job.status is JobStatus.SUCCEEDED:
        uow.session.delete(leftover)
        benches.give_place_back(uow, bench_id)
        message = "What it left on its old bench was removed."
        uow.record("site.leftover", site.target, message, team_id=site.team_id, bench_id=bench_id)
        return
    _wait(uow, site, leftover)
    if leftover.failures == 1:
        why = (job.error or {}).get("message", job.status.value)
        message = f"What it left on its old bench could not be removed: {why} It is tried again by itself."
        uow.record("site.leftover", site.target, message, team_id=site.team_id, bench_id=bench_id)


def list_leftovers(session: Session | ReadSession, bench_ids: Sequence[str]) -> set[tuple[str, str]]:
    """Site and bench of what is left on these benches."""
    query = select(Leftover.site_id, Leftover.bench_id).where(Leftover.bench_id.in_(bench_ids))
    return {(site_id, bench_id) for site_id, bench_id in session.execute(query)}


def list_benches_of(session: Session | ReadSession, site_id: str) -> list[str]:
    """Benches on which something is left of this site."""
    return list(session.scalars(select(Leftover.bench_id).where(Leftover.site_id == site_id)))


def drop_again(uow: UnitOfWork) -> None:
    """Ask for every removal that is due: the net under their own tasks."""
    due = select(Leftover).where(Leftover.retry_at <= uow.now())
    for leftover in uow.session.scalars(due):
        uow.enqueue(
            "site.drop_leftover",
            unique_key=_key(leftover.site_id, leftover.bench_id),
            site_id=leftover.site_id,
            bench_id=leftover.bench_id,
        )


def _wait(uow: UnitOfWork, site: Site, leftover: Leftover) -> None:
    leftover.failures += 1
    wait = rules.retry_wait(min(leftover.failures, rules.MAX_FAILURES))
    leftover.retry_at = uow.now() + wait
    uow.enqueue(
        "site.drop_leftover",
        after=wait,
        unique_key=_key(site.id, leftover.bench_id),
        site_id=site.id,
        bench_id=leftover.bench_id,
    )


def _key(site_id: str, bench_id: str) -> str:
    return f"drop:{site_id}:{bench_id}"
