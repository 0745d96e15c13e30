"""Whatever happens in whatever order: in the end every site is what it should be, and nothing is left over."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from press_app.agents.fake import FakeAgents
from press_app.agents.port import AgentAddress, AgentBusy, AgentUnreachable, JobOrder
from press_app.benches import service as benches
from press_app.benches.model import Bench
from press_app.billing.model import Coverage, Subscription, WantedState
from press_app.bootstrap import bootstrap
from press_app.config import Settings
from press_app.edge.fake import FakeEdge
from press_app.errors import PressError
from press_app.jobs.lifecycle import OPEN
from press_app.jobs.model import Job, Secret
from press_app.kit.clock import FixedClock
from press_app.kit.db import Base, Database, ReadSession, Session
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Address, Hold, Leftover, Site
from press_app.work.bell import FakeBell
from press_app.work.model import JournalRow, LeaseRow, TaskRow
from press_app.work.unit_of_work import UnitOfWork
from tests.factories.agents import make_result
from tests.factories.servers import make_bench, make_release
from tests.press_app.driver import Driver

CUSTOMERS = ("acme", "bakery")
ROUNDS = 40
START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Host(FakeAgents):
    """One job at a time for each target, and a memory of which sites stand there."""

    def __init__(self) -> None:
        super().__init__()
        self.sites: dict[str, str] = {}
        self.places: dict[str, set[str]] = {}
        """Benches that hold anything of a site."""

    def put_job(self, address: AgentAddress, order: JobOrder) -> None:
        for other in self.open_orders():
            if other.target == order.target and other.job_id != order.job_id:
                message = "Another job works on it."
                raise AgentBusy(message, holder=other.job_id, purpose=other.operation)
        super().put_job(address, order)

    def open_orders(self) -> list[JobOrder]:
        return [order for order in self.orders.values() if self.jobs[order.job_id]["status"] == "queued"]

    def read_state(self, address: AgentAddress) -> dict[str, Any]:
        self._fail_if_told()
        held = [
            {"id": site_id, "bench_id": bench_id, "state": self.sites.get(site_id, "active")}
            for site_id, bench_ids in self.places.items()
            for bench_id in bench_ids
        ]
        return {"benches": [], "sites": held, "open_jobs": [], "server_id": address.server_id}

    def do(self, order: JobOrder, *, leaves: bool = False) -> None:
        """What the operation leaves on the host; a move may leave something on the old bench."""
        site_id, bench_id = order.params["site_id"], order.params["bench_id"]
        places = self.places.setdefault(site_id, set())
        if order.operation in {"create_site", "resume_site", "restore_site"}:
            self.sites[site_id] = "active"
            places.add(bench_id)
        elif order.operation == "suspend_site":
            self.sites[site_id] = "suspended"
        elif order.operation == "archive_site":
            self.sites.pop(site_id, None)
            places.discard(bench_id)
        elif order.operation == "move_site":
            places.add(order.params["to_bench_id"])
            if not leaves:
                places.discard(bench_id)
        elif order.operation == "drop_site":
            places.discard(bench_id)


class Life:
    """The world of one example."""

    def __init__(self, database: Database, given: Settings) -> None:
        with database.write_engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
        clock = FixedClock(START)
        self.host, edge = Host(), FakeEdge()
        runtime = bootstrap(
            given, database=database, agents=self.host, edge=edge, bell=FakeBell(), clock=clock
        )
        self.driver = Driver(runtime, clock, self.host, edge).furnish(max_sites=2)
        with self.driver.work.begin(actor="test") as uow:
            server = servers.get_server(uow.session, self.driver.server_id)
            make_bench(uow, server, release=make_release(uow, "tryton-9"), max_sites=2)

    def observe(self, customer: str, wanted: str) -> None:
        self.driver.observe(wanted, customer)

    def with_site(self, number: int, act: Callable[[Any, Site], object]) -> None:
        found = self.driver.list_sites()
        if not found:
            return
        try:
            with self.driver.work.begin(actor="somebody") as uow:
                act(uow, sites.get_site(uow.session, found[number % len(found)].id))
        except PressError:
            pass  # a refusal is an answer; what it must not do is checked after each step

    def end_one(self, number: int, how: str) -> None:
        found = self.host.open_orders()
        if not found:
            return
        order = found[number % len(found)]
        if how in {"good", "unheard"}:
            self.host.do(order)
            event = self.host.finish(
                self.driver.server_id, order.job_id, make_result(order, self.driver.clock.now())
            )
        else:
            is_left = how == "left" and order.operation == "move_site"
            if is_left:
                self.host.do(order, leaves=True)
            event = self.host.fail(
                self.driver.server_id,
                order.job_id,
                "It failed.",
                compensated=how == "undone",
                step="ensure_dropped" if is_left else "one",
            )
        if how != "unheard":
            self.driver.push(event)

    def check(self) -> None:
        """What holds at every moment."""
        with self.driver.work.read() as session:
            for bench in session.scalars(select(Bench)):
                assert bench.site_count == count_places(session, bench.id)
                assert bench.site_count <= bench.max_sites
            names = list(session.scalars(select(Address.hostname)))
            assert {site.hostname for site in session.scalars(select(Site)) if site.hostname} <= set(names)
            leases = {row.subject: row.holder for row in session.scalars(select(LeaseRow))}
            open_jobs = {job.id for job in session.scalars(select(Job).where(Job.status.in_(OPEN)))}
            held = set(session.scalars(select(Hold.site_id)))
            for site in session.scalars(select(Site)):
                if site.id in held and site.hostname:
                    assert self.driver.edge.probe(site.hostname) not in {200, 302}
        assert set(leases.values()) <= open_jobs, "a lease outlives its job"

    def calm_down(self) -> None:
        """Everybody answers again, people look after what is broken, and time goes by."""
        self.host.failures.clear()
        for number in range(len(self.driver.list_sites())):
            self.with_site(
                number, lambda uow, site: sites.lift_hold(uow, site, HoldKind.OPERATOR, why="all is well")
            )
        for _ in range(ROUNDS):
            while self.host.open_orders():
                self.end_one(0, "good")
                self.driver.run()
            for number in range(len(self.driver.list_sites())):
                self.with_site(number, sites.request_retry)
            self.driver.clock.advance(minutes=3)
            for task in ("job.watch", "subscription.sweep", "site.reconcile"):
                self.driver.call(task)
            if self.driver.run() == 0 and not self.host.open_orders():
                return
        raise AssertionError([(site.name, site.status, site.error) for site in self.driver.list_sites()])


def count_places(session: Session | ReadSession, bench_id: str) -> int:
    """Sites that stand there, those that come, and what others left."""
    wheres = (
        (Site.has_place.is_(True), Site.bench_id == bench_id),
        (Site.to_bench_id == bench_id,),
        (Leftover.bench_id == bench_id,),
    )
    return sum(session.scalar(select(func.count()).where(*where)) or 0 for where in wheres)


def move(uow: UnitOfWork, site: Site) -> None:
    """To the bench that it is not on."""
    others = [bench.id for bench in benches.list_running(uow.session) if bench.id != site.bench_id]
    sites.request_move(uow, site, bench_id=others[0])


def rename(uow: UnitOfWork, site: Site) -> None:
    """There and back, and sometimes to what the other one is called."""
    names = ["acme", "bakery", "corner"]
    sites.request_rename(uow, site, names[(names.index(site.name) + 1) % 3], "localhost")


def change_apps(uow: UnitOfWork, site: Site) -> None:
    sites.request_apps(uow, site, ["base"] if "crm" in site.apps else ["base", "crm"])


WISHES: dict[str, Callable[[Any, Site], object]] = {
    "archive": lambda uow, site: sites.set_wanted(uow, site, Wanted.ARCHIVED, why="asked"),
    "undo": sites.request_undo,
    "hold": lambda uow, site: sites.place_hold(uow, site, HoldKind.OPERATOR, "Looked at."),
    "lift": lambda uow, site: sites.lift_hold(uow, site, HoldKind.OPERATOR, why="done"),
    "backup": sites.request_backup,
    "retry": sites.request_retry,
    "move": move,
    "rename": rename,
    "apps": change_apps,
}

NUMBER = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("observe"), st.sampled_from(CUSTOMERS), st.sampled_from(["run", "hold", "end"])),
        st.tuples(
            st.just("end_one"), NUMBER, st.sampled_from(["good", "good", "unheard", "undone", "half", "left"])
        ),
        st.tuples(st.just("wish"), NUMBER, st.sampled_from(sorted(WISHES))),
        st.tuples(st.just("time"), st.sampled_from([1, 10, 60, 600]), st.booleans()),
        st.tuples(st.just("away"), NUMBER, st.none()),
    ),
    max_size=30,
)


def take_step(life: Life, step: tuple[Any, Any, Any]) -> None:
    word, first, second = step
    if word == "observe":
        life.observe(first, second)
    elif word == "end_one":
        life.end_one(first, second)
    elif word == "wish":
        life.with_site(first, WISHES[second])
    elif word == "time":
        life.driver.clock.advance(seconds=first)
        for task in ("job.watch", "site.reconcile") if second else ():
            life.driver.call(task)
    else:
        life.host.failures.extend(AgentUnreachable("away") for _ in range(first))
    life.driver.run()
    life.check()


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_every_life_ends_as_it_should(
    steps: list[tuple[Any, Any, Any]], database: Database, settings: Settings
) -> None:
    life = Life(database, settings)
    for step in steps:
        take_step(life, step)
    life.calm_down()
    life.check()
    check_rest(life)
    check_secrets(life)


def check_rest(life: Life) -> None:
    """Wanted is what is, everywhere."""
    with life.driver.work.read() as session:
        assert session.scalars(select(LeaseRow)).all() == []
        assert session.scalars(select(Job).where(Job.status.in_(OPEN))).all() == []
        held = set(session.scalars(select(Hold.site_id)))
        found = list(session.scalars(select(Site)))
        ended = {
            row.site_id: subscription.wanted
            for row, subscription in session.execute(
                select(Coverage, Subscription).join(Subscription, Subscription.id == Coverage.subscription_id)
            )
        }
    for site in found:
        if site.wanted is Wanted.ARCHIVED:
            assert site.status in {SiteStatus.ARCHIVED, SiteStatus.PURGED}, site.error
        elif site.id in held:
            assert site.status in {SiteStatus.SUSPENDED, SiteStatus.RESERVED, SiteStatus.ARCHIVED}, site.error
        else:
            assert site.status is SiteStatus.ACTIVE, site.error
        if ended[site.id] is WantedState.END:
            assert site.status in {SiteStatus.ARCHIVED, SiteStatus.PURGED}
        if site.hostname:
            right = {SiteStatus.ACTIVE: 200, SiteStatus.SUSPENDED: 402}.get(site.status, 404)
            assert life.driver.edge.probe(site.hostname) == right
    standing = {SiteStatus.ACTIVE: "active", SiteStatus.SUSPENDED: "suspended"}
    own = {site.id: {site.bench_id} for site in found if site.status in standing}
    assert {site_id: held for site_id, held in life.host.places.items() if held} == own
    assert life.host.sites == {site.id: standing[site.status] for site in found if site.status in standing}


def check_secrets(life: Life) -> None:
    """The owners' passwords stand nowhere in the clear."""
    with life.driver.work.begin(actor="test") as uow:
        sealed = list(uow.session.scalars(select(Secret)))
        values = {secret.ref: uow.vault.open(secret.sealed, secret.ref) for secret in sealed}
        rows: list[Any] = [
            [job.params, job.steps, job.result, job.error] for job in uow.session.scalars(select(Job))
        ]
        rows += [[row.message, row.data] for row in uow.session.scalars(select(JournalRow))]
        rows += [[row.args, row.error] for row in uow.session.scalars(select(TaskRow))]
    text = json.dumps(rows)
    assert not [ref for ref, value in values.items() if value in text]
