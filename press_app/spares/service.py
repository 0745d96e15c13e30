"""What can be done with spares: keep enough of them, give one, let the others go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from press_app.benches import service as benches
from press_app.benches.events import BenchRetireWanted
from press_app.benches.model import Bench
from press_app.jobs import service as jobs
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.kit.crypto import new_password
from press_app.kit.db import ReadSession, Session
from press_app.kit.ids import new_id
from press_app.kit.locale import CONTRACTS_OWN, Locale, name_if_other
from press_app.kit.pagination import Page, PageRequest, read_page
from press_app.spares import repository, rules
from press_app.spares.errors import SparesLeft
from press_app.spares.lifecycle import LIFECYCLE, SpareEvent, SpareStatus
from press_app.spares.model import Miss, Spare
from press_app.spares.rules import Policy, Stock
from press_app.work import lease
from press_app.work.ticker import SCHEDULED
from press_app.work.unit_of_work import UnitOfWork

PREPARE_WITHIN = timedelta(minutes=10)
DROP_WITHIN = timedelta(minutes=10)
AT_ONCE = 2
"""Spares that one bench prepares at a time: customers come first."""
COUNTED = timedelta(hours=1)
TRIED_AGAIN_AFTER = timedelta(minutes=5)
REFILL_AFTER = timedelta(seconds=5)
"""The order that took one goes first."""
SECRET_LIVES = rules.LONGEST_LIFE + timedelta(days=30)
"""Longer than the spare, and than the attempts of the site that takes it."""
TEND = f"{SCHEDULED}spare.tend"
"""The key of the schedule itself, so that only one waits, whoever asked for it."""
OWNER = "owner"
"""Login of the owner of every site."""


def tend(uow: UnitOfWork, policy: Policy) -> None:
    """Prepare what is missing, let go what is too much, too old or on a bench that takes no sites."""
    now = uow.now()
    repository.forget_ended(uow.session, now - COUNTED)
    running = benches.list_running(uow.session)
    open_benches = {bench.id: bench for bench in running if bench.site_count < bench.max_sites}
    known = repository.list_on(uow.session, [*open_benches, *repository.list_bench_ids(uow.session)])
    for spare in known:
        _end_overdue(uow, spare)
        if _is_to_leave(spare, open_benches.get(spare.bench_id), now):
            _let_go(uow, spare)
    for bench in open_benches.values():
        if jobs.is_making(uow.session, bench.server_id, "create_site"):
            # Customers come first; what they took is replaced when none waits.
            uow.enqueue("spare.tend", after=REFILL_AFTER, unique_key=TEND)
            continue
        _refill(uow, bench, [spare for spare in known if spare.bench_id == bench.id], policy)


def _refill(uow: UnitOfWork, bench: Bench, mine: Sequence[Spare], policy: Policy) -> None:
    room = AT_ONCE - sum(spare.status is SpareStatus.PREPARING for spare in mine)
    standing = [spare for spare in mine if spare.status in repository.STANDING]
    abroad = rules.MOST_ABROAD - sum(spare.locale != policy.home.key for spare in standing)
    missed = repository.count_misses(uow.session)
    for apps, locale in _list_kinds(uow, bench, mine, missed, policy.home):
        alike = [spare for spare in mine if (spare.apps, spare.locale) == (apps, locale)]
        is_home = locale == policy.home.key
        bounds, asked = (policy, 0) if is_home else (replace(policy, least=0), missed.get((apps, locale), 0))
        missing = rules.count_missing(_count(alike, asked), bounds)
        for _ in range(min(missing, room if is_home else min(room, abroad))):
            _prepare(uow, bench, apps, locale)
            room -= 1
            abroad -= not is_home
        ready = [spare for spare in alike if spare.status is SpareStatus.READY]
        for spare in ready[: max(0, -missing)]:
            _let_go(uow, spare)


def _list_kinds(
    uow: UnitOfWork,
    bench: Bench,
    mine: Sequence[Spare],
    missed: Mapping[tuple[str, str], int],
    home: Locale,
) -> list[tuple[str, str]]:
    """Apps and home of what may be kept here: the platform's own home first, then what was asked for most, or is left of that."""
    offered = set(benches.list_offered(uow.session, bench))
    sets = [made["apps"] for made in (bench.facts or {}).get("templates", [])]
    kept = [name_apps(apps) for apps in sets if set(apps) <= offered]
    others = {(spare.apps, spare.locale) for spare in mine} | set(missed)
    abroad = [kind for kind in others if kind[0] in kept and kind[1] != home.key]
    return [
        *((apps, home.key) for apps in kept),
        *sorted(abroad, key=lambda kind: (-missed.get(kind, 0), kind)),
    ]


def _count(alike: Iterable[Spare], missed: int) -> Stock:
    states = [spare.status for spare in alike]
    return Stock(
        ready=states.count(SpareStatus.READY),
        preparing=states.count(SpareStatus.PREPARING),
        failed=states.count(SpareStatus.BROKEN),
        given=states.count(SpareStatus.GIVEN) + missed,
    )


def _is_to_leave(spare: Spare, bench: Bench | None, now: datetime) -> bool:
    if spare.status is SpareStatus.BROKEN:
        return now - spare.status_since > TRIED_AGAIN_AFTER
    if spare.status is not SpareStatus.READY:
        return False
    return bench is None or rules.is_stale(spare.created_at, bench.status_since, now)


def _end_overdue(uow: UnitOfWork, spare: Spare) -> None:
    if spare.deadline_at and spare.deadline_at < uow.now() and lease.find(uow, spare.target) is None:
        spare.apply(SpareEvent.FAIL, uow.now())


def _prepare(uow: UnitOfWork, bench: Bench, apps: str, locale: str) -> None:
    now = uow.now()
    spare = Spare(id=new_id(), bench_id=bench.id, apps=apps, locale=locale, created_at=now)
    spare.enter(LIFECYCLE.initial, now)
    uow.session.add(spare)
    jobs.request_job(
        uow,
        server_id=bench.server_id,
        operation="prepare_site",
        target=spare.target,
        params={
            "bench_id": bench.id,
            "site_id": spare.id,
            "apps": apps.split("+"),
            "login": OWNER,
            "password": jobs.put_secret(uow, password_ref(spare.id), new_password(), lives=SECRET_LIVES),
            **name_if_other(Locale.parse(locale)),
        },
        purpose=f"Prepare a site with {apps}",
        within=PREPARE_WITHIN,
    )


def _let_go(uow: UnitOfWork, spare: Spare) -> None:
    if lease.find(uow, spare.target) is not None:
        return
    spare.apply(SpareEvent.LEAVE, uow.now())
    jobs.request_job(
        uow,
        server_id=benches.get_bench(uow.session, spare.bench_id).server_id,
        operation="drop_site",
        target=spare.target,
        params={"bench_id": spare.bench_id, "site_id": spare.id},
        purpose=f"Remove a prepared site with {spare.apps}",
        within=DROP_WITHIN,
    )


def claim(uow: UnitOfWork, apps: Sequence[str], locale: Locale = CONTRACTS_OWN) -> Spare | None:
    """A ready site with just these apps for this home, its place on the bench counted; None where there is none.

    Of two orders at once each gets another one. The caller's site takes the spare's id.
    """
    for spare in repository.take_ready(uow.session, name_apps(apps), locale.key):
        if benches.take_place_on(uow, spare.bench_id):
            spare.apply(SpareEvent.GIVE, uow.now())
            uow.enqueue("spare.tend", after=REFILL_AFTER, unique_key=TEND)
            return spare
    return None


def note_made(uow: UnitOfWork, site_id: str, apps: Iterable[str], locale: Locale) -> None:
    """A site was made for this home: counted where there was no spare for it. Orders that came to nothing are no demand."""
    if not is_given(uow.session, site_id):
        uow.session.add(Miss(id=new_id(), apps=name_apps(apps), locale=locale.key, at=uow.now()))


def take_back(uow: UnitOfWork, site_id: str, *, bench_id: str, apps: Iterable[str]) -> None:
    """The order that took it was called off before the site was made: it goes from the host, however long that takes."""
    now = uow.now()
    spare = uow.session.get(Spare, site_id)
    if spare is None:
        # Forgotten, an hour after it was given.
        spare = Spare(id=site_id, bench_id=bench_id, apps=name_apps(apps), created_at=now)
        spare.enter(SpareStatus.BROKEN, now)
        uow.session.add(spare)
    _let_go(uow, spare)


def is_given(session: Session | ReadSession, site_id: str) -> bool:
    """Whether the site with this id was a spare."""
    spare = session.get(Spare, site_id)
    return spare is not None and spare.status is SpareStatus.GIVEN


def forget(uow: UnitOfWork, site_id: str) -> None:
    """The host did not have what was given: the site is made as if there had never been a spare."""
    spare = uow.session.get(Spare, site_id)
    if spare is not None:
        uow.session.delete(spare)
        uow.session.flush()


def on_prepare_finished(uow: UnitOfWork, job: Job) -> None:
    """The agent made it, or nothing of it stands."""
    spare = uow.session.get(Spare, str(job.params["site_id"]))
    if spare is None or spare.status is not SpareStatus.PREPARING:
        return
    if job.status is JobStatus.SUCCEEDED:
        spare.apply(SpareEvent.PREPARED, uow.now())
        uow.enqueue("spare.tend", unique_key=TEND)
    else:
        _break(uow, spare, job)


def on_drop_finished(uow: UnitOfWork, job: Job) -> None:
    """The host holds nothing of it any more."""
    spare = uow.session.get(Spare, str(job.params["site_id"]))
    if spare is None or spare.status is not SpareStatus.LEAVING:
        return
    if job.status is JobStatus.SUCCEEDED:
        spare.apply(SpareEvent.LEFT, uow.now())
    else:
        _break(uow, spare, job)


def _break(uow: UnitOfWork, spare: Spare, job: Job) -> None:
    spare.apply(SpareEvent.FAIL, uow.now())
    why = (job.error or {}).get("message", job.status.value)
    message = f"{job.purpose} failed: {why} Orders are served without it; it is tried again in some minutes."
    uow.record("spare.broken", f"bench:{spare.bench_id}", message, job_id=job.id)


def on_bench_retire_wanted(uow: UnitOfWork, event: BenchRetireWanted) -> None:
    """Raises :class:`SparesLeft` while prepared sites stand on the bench."""
    left = list_standing(uow.session, [event.bench_id])
    if left:
        message = (
            f"{len(left)} prepared sites of nobody are still on this bench. Nothing was changed. They are being "
            "removed, because it takes no sites any more; retire it in some minutes."
        )
        raise SparesLeft(message, spares=left)


def list_standing(session: Session | ReadSession, bench_ids: Sequence[str]) -> list[str]:
    """Ids of spares of which these benches may hold something."""
    found = repository.list_on(session, bench_ids)
    return [spare.id for spare in found if spare.status in repository.STANDING]


def find_spare(session: Session | ReadSession, spare_id: str) -> Spare | None:
    return session.get(Spare, spare_id)


def list_spares(session: ReadSession, request: PageRequest) -> Page[Spare]:
    """All of them, those of the last hour that were given too."""
    return read_page(session, select(Spare), Spare.id, request)


def name_apps(apps: Iterable[str]) -> str:
    """One name for a set of apps."""
    return "+".join(sorted(apps))


def password_ref(site_id: str) -> str:
    """The name of the secret that holds the owner's first password."""
    return f"secret://site/{site_id}/admin-password"
