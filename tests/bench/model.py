"""A control plane full of rows: any number of sites on fifty hosts, with all that comes with them, in bulk."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert

from press_app.access import service as access
from press_app.access.rules import OPERATOR, SUBSCRIPTIONS_WRITE, TEAM_SCOPES
from press_app.agents.fake import FakeAgents
from press_app.backups.lifecycle import BackupStatus
from press_app.backups.model import Backup
from press_app.benches.lifecycle import BenchStatus
from press_app.benches.model import Bench
from press_app.billing.model import Coverage, Subscription, WantedState
from press_app.edge.port import RouteState
from press_app.invariants.model import Finding
from press_app.jobs.lifecycle import JobStatus
from press_app.jobs.model import Job
from press_app.keys import service as keys
from press_app.kit.db import Base
from press_app.plans import service as plans
from press_app.releases.model import Release
from press_app.servers.lifecycle import ServerStatus
from press_app.servers.model import Server, ServerFeed
from press_app.sites.lifecycle import HoldKind, SiteStatus, Wanted
from press_app.sites.model import Hold, Site
from press_app.spares.lifecycle import SpareStatus
from press_app.spares.model import Spare
from press_app.teams.model import Membership, Role, Team, User
from press_app.work.model import JournalRow, TaskRow, TaskStatus
from press_app.work.unit_of_work import Work

Row = dict[str, Any]

HOSTS = 50
SITES_PER_BENCH = 200
MANY = 50
"""What one team, one site or the platform has of each thing whose number does not follow that of the sites."""
YEAR = timedelta(days=365)
AT_ONCE = 2_000


@dataclass(frozen=True)
class Model:
    """What was made: names of things to ask for, and who may ask."""

    sites: int
    team_id: str
    """A team with many sites, members and tokens."""
    user_id: str
    site_id: str
    """A running site of that team with a long history."""
    external_id: str
    operator: str
    bridge: str
    owner: str
    """Secrets of an operator's, the bridge's and that team's token."""
    agents: FakeAgents
    """Hosts that hold what the rows say."""


@dataclass(frozen=True)
class _Site:
    """Everything about the site of this number that the rows of other tables repeat."""

    number: int
    id: str
    team: int
    team_id: str
    bench: int
    bench_id: str
    server_id: str
    subscription_id: str
    at: datetime

    @property
    def name(self) -> str:
        return f"site-{self.number:06d}"

    @property
    def target(self) -> str:
        return f"site:{self.id}"

    @property
    def is_held(self) -> bool:
        return self.number % 20 == 7

    @property
    def is_archived(self) -> bool:
        return self.number % 50 == 9

    @property
    def status(self) -> SiteStatus:
        if self.is_archived:
            return SiteStatus.ARCHIVED
        return SiteStatus.SUSPENDED if self.is_held else SiteStatus.ACTIVE


def fill(work: Work, count: int) -> Model:
    """Make ``count`` sites over a year that ends now, and all that belongs to them, into empty tables."""
    now = work.clock.now()
    with work.begin(actor="model") as uow:
        plans.seed(uow)
    builder = _Builder(count, now)
    with work.database.write_engine.begin() as connection:
        for table, rows in builder.tables():
            _insert(connection, table, rows)
    sites = builder.sites
    chosen = next(site for site in reversed(sites) if site.team == 0 and site.status is SiteStatus.ACTIVE)
    with work.database.write_engine.begin() as connection:
        _insert(connection, JournalRow, _long_history(chosen, now))
        _insert(connection, Backup, (_backup(chosen, id_at(now), now) for _ in range(MANY)))
    with work.begin(actor="model") as uow:
        team_id = builder.team_ids[0]
        tokens = [
            access.create_token(uow, name="one", scopes=TEAM_SCOPES, team_id=team_id) for _ in range(MANY)
        ]
        for _ in range(MANY):
            keys.rotate(uow, team_id)
        operator = access.create_token(uow, name="operator", scopes=[OPERATOR])
        bridge = access.create_token(uow, name="bridge", scopes=[SUBSCRIPTIONS_WRITE])
    agents = FakeAgents()
    agents.states.update(_states(sites))
    return Model(
        sites=count,
        team_id=team_id,
        user_id=builder.user_ids[0],
        site_id=chosen.id,
        external_id=chosen.name,
        operator=operator.secret,
        bridge=bridge.secret,
        owner=tokens[0].secret,
        agents=agents,
    )


def id_at(at: datetime) -> str:
    """An id as :func:`press_app.kit.ids.new_id` would have made it at this moment."""
    text = f"{int(at.timestamp() * 1000):012x}7{os.urandom(8).hex()[:3]}8{os.urandom(8).hex()[:15]}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _insert(connection: Connection, table: type[Base], rows: Iterable[Row]) -> None:
    source = iter(rows)
    while chunk := list(islice(source, AT_ONCE)):
        connection.execute(insert(table), chunk)


class _Builder:
    """The ids of everything, and the rows of each table in an order that keeps foreign keys whole."""

    def __init__(self, count: int, now: datetime) -> None:
        self.now = now
        begin = now - YEAR
        self.server_ids = [id_at(begin) for _ in range(HOSTS)]
        self.release_ids = [id_at(begin) for _ in range(MANY)]
        benches = max(HOSTS, -(-count // SITES_PER_BENCH))
        self.bench_ids = [id_at(begin) for _ in range(benches)]
        teams = max(1, count * 7 // 10) + 1
        self.team_ids = [id_at(begin + number * YEAR / teams) for number in range(teams)]
        self.user_ids = [id_at(begin + number * YEAR / teams) for number in range(teams)]
        self.member_ids = [id_at(begin) for _ in range(MANY)]
        self.sites = [self._site(number, begin + number * YEAR / count, count) for number in range(count)]

    def _site(self, number: int, at: datetime, count: int) -> _Site:
        # One team has sites of every age; the others one or two.
        team = 0 if number % max(1, count // MANY) == 0 else 1 + number * 7 // 10
        bench = number % len(self.bench_ids)
        return _Site(
            number=number,
            id=id_at(at),
            team=team,
            team_id=self.team_ids[team],
            bench=bench,
            bench_id=self.bench_ids[bench],
            server_id=self.server_ids[bench % HOSTS],
            subscription_id=id_at(at),
            at=at,
        )

    def tables(self) -> Iterator[tuple[type[Base], Iterable[Row]]]:
        """Each table with its rows."""
        yield Server, (self._server(number) for number in range(HOSTS))
        yield (
            ServerFeed,
            (
                {"server_id": each, "ledger_id": "ledger-1", "cursor": 0, "heard_at": self.now}
                for each in self.server_ids
            ),
        )
        yield Release, (self._release(number) for number in range(MANY))
        yield Bench, (self._bench(number) for number in range(len(self.bench_ids)))
        yield Team, (self._team(number) for number in range(len(self.team_ids)))
        yield (
            User,
            (self._user(each, number) for number, each in enumerate((*self.user_ids, *self.member_ids))),
        )
        yield Membership, self._memberships()
        yield Subscription, map(_subscription, self.sites)
        yield Site, (_site(site, self.now) for site in self.sites)
        yield Hold, (_hold(site) for site in self.sites if site.is_held)
        yield (
            Coverage,
            (
                {
                    "site_id": site.id,
                    "subscription_id": site.subscription_id,
                    "on_word": False,
                    "is_ended": site.is_archived,
                }
                for site in self.sites
            ),
        )
        yield Backup, (_backup(site, id_at(site.at), site.at) for site in self.sites)
        yield Job, (job for site in self.sites for job in _jobs(site, self.now))
        yield JournalRow, (line for site in self.sites for line in _journal(site))
        yield TaskRow, (task for site in self.sites for task in _tasks(site, self.now))
        yield Finding, (self._finding() for _ in range(MANY))
        yield Spare, (self._spare(number) for number in range(MANY))

    def _server(self, number: int) -> Row:
        return {
            "id": self.server_ids[number],
            "name": f"host-{number:02d}",
            "url": "http://127.0.0.1:9",
            "agent_key": None,
            "status": ServerStatus.ACTIVE,
            "status_since": self.now - YEAR,
            "version": 1,
            "created_at": self.now - YEAR,
        }

    def _release(self, number: int) -> Row:
        return {
            "id": self.release_ids[number],
            "name": f"tryton-8.{number}",
            "engine": "tryton",
            "engine_version": f"8.{number}",
            "app_sets": [["base"]],
            "sources": [],
            "created_at": self.now - YEAR,
        }

    def _bench(self, number: int) -> Row:
        placed = sum(1 for site in self.sites[number :: len(self.bench_ids)] if not site.is_archived)
        return {
            "id": self.bench_ids[number],
            "server_id": self.server_ids[number % HOSTS],
            "release_id": self.release_ids[number % MANY],
            "status": BenchStatus.RUNNING,
            "status_since": self.now - YEAR,
            "version": 1,
            "memory_bytes": 2**31,
            "max_sites": SITES_PER_BENCH + 20,
            "site_count": placed,
            "url": f"http://127.0.0.1:{20_000 + number}",
            "facts": {"engine_version": "8.0", "templates": [{"apps": ["base"], "modules": ["party"]}]},
            "created_at": self.now - YEAR,
        }

    def _team(self, number: int) -> Row:
        customer = f"customer-{number}"
        return {
            "id": self.team_ids[number],
            "name": f"Team {number}",
            "customer_ref": customer,
            "created_at": self.now,
        }

    def _user(self, user_id: str, number: int) -> Row:
        return {
            "id": user_id,
            "email": f"person-{number}@example.org",
            "name": f"Person {number}",
            "is_operator": False,
            "language": "en",
            "created_at": self.now,
        }

    def _memberships(self) -> Iterator[Row]:
        for team_id, user_id in zip(self.team_ids, self.user_ids, strict=True):
            yield {"team_id": team_id, "user_id": user_id, "role": Role.OWNER, "created_at": self.now}
        for user_id in self.member_ids:
            yield {
                "team_id": self.team_ids[0],
                "user_id": user_id,
                "role": Role.VIEWER,
                "created_at": self.now,
            }

    def _spare(self, number: int) -> Row:
        return {
            "id": id_at(self.now),
            "bench_id": self.bench_ids[number % len(self.bench_ids)],
            "apps": "base",
            "status": SpareStatus.READY,
            "status_since": self.now,
            "version": 1,
            "created_at": self.now,
        }

    def _finding(self) -> Row:
        return {
            "id": id_at(self.now),
            "invariant": "host-drift",
            "subject": f"site:{id_at(self.now)}",
            "message": "The host holds a site that should not be there.",
            "first_seen_at": self.now,
            "last_seen_at": self.now,
        }


def _subscription(site: _Site) -> Row:
    wanted = WantedState.END if site.is_archived else WantedState.HOLD if site.is_held else WantedState.RUN
    unpaid = {"code": "unpaid", "message": "Invoice INV-7 is unpaid.", "invoices": [f"inv-{site.number}"]}
    ended = {"code": "terminated", "message": "The subscription was terminated.", "invoices": []}
    return {
        "id": site.subscription_id,
        "external_id": site.name,
        "team_id": site.team_id,
        "plan_code": "starter",
        "name": site.name,
        "wanted": wanted,
        "reason": {WantedState.HOLD: unpaid, WantedState.END: ended}.get(wanted),
        "lago_id": f"lago-{site.number}",
        "observed_at": site.at,
        "ended_at": site.at if site.is_archived else None,
        "version": 1,
        "created_at": site.at,
    }


def _site(site: _Site, now: datetime) -> Row:
    routes = {SiteStatus.ACTIVE: RouteState.LIVE, SiteStatus.SUSPENDED: RouteState.SUSPENDED}
    return {
        "id": site.id,
        "team_id": site.team_id,
        "bench_id": site.bench_id,
        "name": site.name,
        "hostname": f"{site.name}.localhost",
        "apps": ["base"],
        "company": f"Company {site.number}",
        "admin_login": "owner",
        "admin_email": f"person-{site.team}@example.org",
        "wanted": Wanted.ARCHIVED if site.is_archived else Wanted.RUNNING,
        "route": routes.get(site.status, RouteState.NONE),
        "status": site.status,
        "status_since": site.at,
        "version": 1,
        "failures": 0,
        "has_place": not site.is_archived,
        "size_bytes": 1_500_000,
        "users": 3,
        "measured_at": now - timedelta(minutes=site.number % 55),
        "backed_up_at": now - timedelta(minutes=site.number % 55),
        "backup_verified_at": now - timedelta(minutes=site.number % 55),
        "backup_due_at": now + timedelta(minutes=1 + site.number % 55),
        "archived_at": site.at if site.is_archived else None,
        "undo_until": site.at + timedelta(days=30) if site.is_archived else None,
        "created_at": site.at,
    }


def _hold(site: _Site) -> Row:
    return {
        "site_id": site.id,
        "kind": HoldKind.BILLING,
        "message": "Invoice INV-7 of 1 November is unpaid.",
        "placed_by": "bridge",
        "placed_at": site.at,
    }


def _backup(site: _Site, backup_id: str, at: datetime) -> Row:
    return {
        "id": backup_id,
        "site_id": site.id,
        "team_id": site.team_id,
        "engine": "tryton",
        "kind": "manual",
        "status": BackupStatus.VERIFIED,
        "status_since": at,
        "version": 1,
        "receipt": {"location": f"folder:{site.id}/{backup_id}", "sha256": "ab" * 32},
        "size_bytes": 1_500_000,
        "taken_at": at,
        "verified_at": at,
        "created_at": at,
    }


def _jobs(site: _Site, now: datetime) -> Iterator[Row]:
    """How it was made, and two of its hourly measurements."""
    steps = [
        {"key": f"step-{n}", "title": f"Step {n}", "state": "done", "started_at": None} for n in range(5)
    ]
    for operation, at in (
        ("create_site", site.at),
        ("measure_usage", now - timedelta(hours=2)),
        ("measure_usage", now - timedelta(hours=1)),
    ):
        yield {
            "id": id_at(at),
            "server_id": site.server_id,
            "team_id": site.team_id,
            "operation": operation,
            "target": site.target,
            "purpose": f"{operation} {site.name}",
            "params": {"site_id": site.id, "bench_id": site.bench_id},
            "status": JobStatus.SUCCEEDED,
            "status_since": at,
            "due_at": at,
            "version": 4,
            "agent_seq": 4,
            "steps": steps,
            "result": {"users": 3, "storage_bytes": 1_500_000},
            "correlation_id": site.id,
            "created_at": at,
            "ended_at": at,
            "settled_at": at,
        }


def _journal(site: _Site) -> Iterator[Row]:
    for kind in (
        "site.reserved",
        "site.installing",
        "job.queued",
        "job.step",
        "job.succeeded",
        "site.active",
    ):
        yield _line(site, kind, site.at)


def _long_history(site: _Site, now: datetime) -> Iterator[Row]:
    return (_line(site, "job.step", now) for _ in range(MANY * 5))


def _line(site: _Site, kind: str, at: datetime) -> Row:
    return {
        "at": at,
        "kind": kind,
        "subject": site.target,
        "team_id": site.team_id,
        "actor": "worker",
        "message": f"{site.name}: {kind}",
        "data": {"status": "active"},
        "correlation_id": site.id,
    }


def _tasks(site: _Site, now: datetime) -> Iterator[Row]:
    """Some that are done, and for each archived site one that waits for its time."""
    for number in range(4):
        yield _task(site, "job.settle", TaskStatus.DONE, now - timedelta(hours=number + 1))
    if site.is_archived:
        yield _task(site, "subscription.end", TaskStatus.WAITING, now + timedelta(days=1))


def _task(site: _Site, name: str, status: TaskStatus, at: datetime) -> Row:
    return {
        "id": id_at(at),
        "name": name,
        "args": {"job_id": site.id},
        "queue": "urgent",
        "status": status,
        "attempts": 1,
        "run_at": at,
        "planned_at": at.astimezone(UTC) - timedelta(days=2),
        "correlation_id": site.id,
        "created_at": at,
        "ended_at": at if status is TaskStatus.DONE else None,
    }


def _states(sites: Iterable[_Site]) -> dict[str, Row]:
    """What each host says that it holds."""
    words = {SiteStatus.ACTIVE: "active", SiteStatus.SUSPENDED: "suspended"}
    states: dict[str, Row] = {}
    for site in sites:
        held = states.setdefault(site.server_id, {"benches": [], "sites": [], "open_jobs": []})
        if site.status in words:
            held["sites"].append({"id": site.id, "bench_id": site.bench_id, "state": words[site.status]})
    return states
