"""Drives the control plane by hand: real composition root and database; hosts, edge and time are told what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from press_app.agents.fake import FakeAgents
from press_app.agents.port import JobOrder
from press_app.billing import service as billing
from press_app.billing.model import Coverage
from press_app.bootstrap import Runtime
from press_app.edge.fake import FakeEdge
from press_app.jobs import service as jobs
from press_app.jobs.model import Job
from press_app.kit.clock import FixedClock
from press_app.plans import service as plans
from press_app.servers import service as servers
from press_app.sites import service as sites
from press_app.sites.model import Site
from press_app.work.model import TaskRow, TaskStatus
from press_app.work.ticker import Ticker
from press_app.work.unit_of_work import Work
from tests.factories.agents import make_result
from tests.factories.servers import make_bench, make_server
from tests.factories.subscriptions import make_observation

RUNS = 500
"""More task runs than this without coming to rest are an endless loop."""


@dataclass
class Driver:
    """One control plane and everything around it."""

    runtime: Runtime
    clock: FixedClock
    agents: FakeAgents
    edge: FakeEdge
    server_id: str = ""
    bench_id: str = ""
    _observations: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def work(self) -> Work:
        return self.runtime.work

    def furnish(self, *, max_sites: int = 100) -> "Driver":
        """Plans, one server and one running bench."""
        with self.work.begin(actor="test") as uow:
            plans.seed(uow)
            server = make_server(uow)
            self.server_id, self.bench_id = server.id, make_bench(uow, server, max_sites=max_sites).id
        return self

    def observe(self, wanted: str = "run", external_id: str = "acme", **overrides: Any) -> billing.Observed:
        """The bridge read Lago just now."""
        at = overrides.pop("observed_at", self.clock.now() + timedelta(microseconds=next(self._observations)))
        command = make_observation(at, external_id=external_id, wanted=wanted, **overrides)
        with self.work.begin(actor="bridge") as uow:
            return billing.observe(uow, command, self.runtime.settings)

    def run(self) -> int:
        """Run everything that is due until nothing is. Returns how many tasks ran."""
        for ran in range(RUNS):
            due = self._next_due()
            if due is None:
                return ran
            self.runtime.runner.run(due)
        message = f"still busy after {RUNS} tasks"
        raise AssertionError(message)

    def _next_due(self) -> str | None:
        query = select(TaskRow.id).where(
            TaskRow.status == TaskStatus.WAITING, TaskRow.run_at <= self.clock.now()
        )
        with self.work.read() as session:
            return session.scalar(query.order_by(TaskRow.run_at, TaskRow.id).limit(1))

    def call(self, name: str, **args: str) -> None:
        """Run one task now; it must end well."""
        with self.work.begin(actor="test") as uow:
            task_id = uow.enqueue(name, after=timedelta(), **args)
        assert task_id is not None
        self.runtime.runner.run(task_id)
        with self.work.read() as session:
            row = session.get(TaskRow, task_id)
        assert row is not None
        assert row.status is TaskStatus.DONE, row.error

    def pass_time(self, **delta: float) -> None:
        """Let time go by, then let the ticker and the workers do what is due."""
        self.clock.advance(**delta)
        Ticker(self.runtime.runner, self.runtime.bell).tick()
        self.run()

    def orders(self, operation: str | None = None) -> list[JobOrder]:
        """Jobs that agents have and did not end, oldest first."""
        return [
            order
            for order in self.agents.orders.values()
            if self.agents.jobs[order.job_id]["status"] in {"queued", "running"}
            and operation in {None, order.operation}
        ]

    def answer(self, operation: str | None = None, **changes: Any) -> int:
        """Let the open jobs succeed, with changed results; the news are pushed. Returns how many ended."""
        ended = self.orders(operation)
        for order in ended:
            result = {**make_result(order, self.clock.now()), **changes}
            server_id = self.server_of(order.job_id)
            self.push(self.agents.finish(server_id, order.job_id, result), server_id=server_id)
        self.run()
        return len(ended)

    def refuse(
        self, operation: str, message: str = "The disk is full.", *, compensated: bool = True, **how: Any
    ) -> None:
        """Let the open jobs of this kind fail; ``how`` goes to the agents: code, step, result."""
        ended = self.orders(operation)
        assert ended, f"no {operation} is open"
        for order in ended:
            server_id = self.server_of(order.job_id)
            event = self.agents.fail(server_id, order.job_id, message, compensated=compensated, **how)
            self.push(event, server_id=server_id)
        self.run()

    def push(self, *events: Mapping[str, Any], server_id: str | None = None) -> int:
        """The agent pushes its news."""
        with self.work.begin(actor="agent") as uow:
            server = servers.get_server(uow.session, server_id or self.server_id)
            return jobs.on_agent_events(uow, server, self.agents.ledger_id, events)

    def finish_all(self) -> None:
        """Agents and workers do all there is to do now."""
        self.run()
        while self.answer():
            pass

    def finish_all_but(self, operation: str) -> None:
        """As :meth:`finish_all`, but jobs of this kind stay open."""
        self.run()
        while others := {order.operation for order in self.orders()} - {operation}:
            for other in sorted(others):
                self.answer(other)

    def server_of(self, job_id: str) -> str:
        return self.job(job_id).server_id

    def job(self, job_id: str) -> Job:
        with self.work.read() as session:
            return jobs.get_job(session, job_id)

    def list_jobs(self, site: Site | None = None) -> list[Job]:
        query = select(Job).order_by(Job.id)
        if site is not None:
            query = query.where(Job.target == site.target)
        with self.work.read() as session:
            return list(session.scalars(query))

    def list_sites(self) -> list[Site]:
        with self.work.read() as session:
            return list(session.scalars(select(Site).order_by(Site.id)))

    def site(self, site_id: str | None = None) -> Site:
        """The site; without an id the only one."""
        if site_id is None:
            found = self.list_sites()
            assert len(found) == 1, [site.name for site in found]
            return found[0]
        with self.work.read() as session:
            return sites.get_site(session, site_id)

    def coverage(self, site_id: str) -> Coverage:
        with self.work.read() as session:
            found = session.get(Coverage, site_id)
        assert found is not None
        return found

    def active_site(self, external_id: str = "acme", **overrides: Any) -> Site:
        """A subscription that runs, and its site that answers."""
        before = {site.id for site in self.list_sites()}
        self.observe(external_id=external_id, **overrides)
        self.finish_all()
        (made,) = [site for site in self.list_sites() if site.id not in before]
        return made

    def list_tasks(self, status: TaskStatus) -> list[TaskRow]:
        with self.work.read() as session:
            return list(session.scalars(select(TaskRow).where(TaskRow.status == status)))
