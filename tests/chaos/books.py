"""What the programs of a platform wrote down, read past them: their databases, Lago, the agent, the backup store."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Engine, NullPool, create_engine, or_, select
from sqlalchemy.orm import Session

from billing_bridge.db import inbox, leases
from press_app.agents import credentials
from press_app.agents.http import HttpAgents
from press_app.backups.model import Backup
from press_app.billing.model import Coverage, Subscription
from press_app.invariants.model import Finding
from press_app.jobs.lifecycle import OPEN
from press_app.jobs.model import Job
from press_app.kit.clock import SystemClock
from press_app.servers.model import Server
from press_app.sites.lifecycle import HoldKind
from press_app.sites.model import Hold, Site
from press_app.work.model import JournalRow, LeaseRow, TaskRow, TaskStatus
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant

SECONDS = 3.0
LAGO_STATUSES = ("pending", "active", "terminated", "canceled", "incomplete")


@dataclass(frozen=True)
class Standing:
    """A site as the control plane holds it, with all that hangs on it."""

    site: Site
    external_id: str | None
    """The subscription that it lives on; None for one that nobody covers."""
    is_ended: bool
    holds: frozenset[HoldKind]

    @property
    def name(self) -> str:
        return f"{self.site.name} ({self.site.id})"


@dataclass(frozen=True)
class PressBooks:
    """Rows of the control plane about some tenants, of one moment."""

    now: datetime
    subscriptions: dict[str, Subscription]
    standings: list[Standing]
    jobs: list[Job]
    """Open, or ended and not settled."""
    leases: list[LeaseRow]
    tasks: list[TaskRow]
    """All that wait, run or are dead."""
    backups: list[Backup]
    verified: dict[str, str]
    """Id of each backup that was ever called verified → its site's target; by the journal."""
    findings: list[Finding]
    servers: list[Server]

    @property
    def sites(self) -> list[Site]:
        return [standing.site for standing in self.standings]


@dataclass
class Books:
    """Reads each book at its first use; what cannot be read raises there."""

    platform: Platform
    tenants: Sequence[Tenant]
    _files: dict[str, dict[str, str]] = field(default_factory=dict)

    def setting(self, file: str, name: str) -> str:
        if file not in self._files:
            self._files[file] = self.platform.read_env(file)
        return self._files[file][name]

    @cached_property
    def press(self) -> PressBooks:
        """What the control plane knows of these tenants."""
        with open_session(self.setting("press.env", "PRESS_DATABASE_URL")) as session:
            return _read_press(session, self.tenants)

    @cached_property
    def host(self) -> list[dict[str, Any]]:
        """The sites that the agents say they hold; each with ``state`` and ``bench_id``."""
        key = credentials.ensure_key(Path(self.setting("press.env", "PRESS_AGENT_KEY_FILE")))
        agents = HttpAgents(key, SystemClock())
        states = [agents.read_state(server.address) for server in self.press.servers]
        return [site for state in states for site in state["sites"]]

    @cached_property
    def inbox(self) -> list[tuple[str, str, int, str]]:
        """Webhook type, status, attempts and error of each event that the bridge is not through with."""
        query = select(inbox.c.webhook_type, inbox.c.status, inbox.c.attempts, inbox.c.error_message)
        with open_session(self.setting("bridge.env", "PRESS_BRIDGE_DATABASE_URL")) as session:
            rows = session.execute(query.where(inbox.c.status.not_in(("handled", "ignored"))))
            return [(kind, status, attempts, error or "") for kind, status, attempts, error in rows]

    @cached_property
    def bridge_leases(self) -> list[tuple[str, str]]:
        """Subscription and purpose of each lease that somebody holds in the bridge."""
        with open_session(self.setting("bridge.env", "PRESS_BRIDGE_DATABASE_URL")) as session:
            rows = session.execute(
                select(leases.c.subject, leases.c.purpose).where(leases.c.until >= datetime.now(UTC))
            )
            return [(subject, purpose) for subject, purpose in rows]

    @cached_property
    def ledger(self) -> tuple[list[tuple[str, str]], int]:
        """The agent's open jobs as target and operation, and how many events nobody has acknowledged."""
        with closing(sqlite3.connect(self.agent_dir / "ledger.sqlite", timeout=SECONDS)) as connection:
            rows = connection.execute("SELECT target, record FROM jobs WHERE status IN ('queued', 'running')")
            jobs = [(str(target), str(json.loads(record)["job"]["operation"])) for target, record in rows]
            (unheard,) = connection.execute(
                "SELECT count(*) FROM events WHERE seq >"
                " (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'acknowledged')"
            ).fetchone()
            return jobs, int(unheard)

    @property
    def agent_dir(self) -> Path:
        return Path(self.setting("agent.env", "PRESS_AGENT_DATA_DIR"))

    @property
    def store(self) -> Path:
        return Path(self.setting("agent.env", "PRESS_AGENT_BACKUP_STORE").removeprefix("folder:"))

    def ask_lago(self, tenant: Tenant) -> str | None:
        """``run``, ``hold`` or ``end``; None for a subscription that never was. The rule in its shortest form."""
        wanted = [("external_id", tenant.external_id), *(("status[]", each) for each in LAGO_STATUSES)]
        statuses = {each["status"] for each in self._list_lago("subscriptions", wanted)}
        if "active" in statuses:
            return "hold" if tenant.mark in self._unpaid else "run"
        if statuses & {"pending", "incomplete"}:
            return "hold"
        return "end" if statuses else None

    @cached_property
    def _unpaid(self) -> set[str]:
        """Customers with a finalized invoice whose payment failed."""
        failed = [("status", "finalized"), ("payment_status", "failed"), ("per_page", "1000")]
        return {each["customer"]["external_id"] for each in self._list_lago("invoices", failed)}

    def _list_lago(self, kind: str, query: list[tuple[str, str]]) -> list[dict[str, Any]]:
        answer = self._lago.get(
            f"{self.platform.urls['lago-sandbox']}/api/v1/{kind}", params=query, timeout=SECONDS
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()[kind]
        return found

    @cached_property
    def _lago(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.platform.secret('lago-api-key')}"
        return session

    def look(self, hostname: str) -> int:
        """What a visitor gets at the edge; 0 when nobody answers."""
        port = self.platform.urls["edge"].rpartition(":")[2]
        try:
            return self._edge.get(
                self.platform.urls["edge"],
                headers={"Host": f"{hostname}:{port}"},
                timeout=SECONDS,
                allow_redirects=False,
            ).status_code
        except requests.RequestException:
            return 0

    @cached_property
    def _edge(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session

    def close(self) -> None:
        """Close the connections that were opened."""
        for name in ("_lago", "_edge"):
            if name in self.__dict__:
                getattr(self, name).close()


@contextmanager
def open_session(url: str) -> Iterator[Session]:
    """A session of its own that only reads; no connection outlives it."""
    with Session(_engine(url)) as session:
        yield session


@cache
def _engine(url: str) -> Engine:
    """Kept for what it has learnt of our queries; it keeps no connection."""
    options = {"timeout": SECONDS} if url.startswith("sqlite") else {"connect_timeout": int(SECONDS)}
    return create_engine(url, poolclass=NullPool, connect_args=options)


def _read_press(session: Session, tenants: Sequence[Tenant]) -> PressBooks:
    now = datetime.now(UTC)
    ids, marks = [each.external_id for each in tenants], [each.mark for each in tenants]
    subscriptions = {
        row.external_id: row
        for row in session.scalars(select(Subscription).where(Subscription.external_id.in_(ids)))
    }
    standings = _list_standings(session, subscriptions, marks)
    targets = [standing.site.target for standing in standings]
    site_ids = [standing.site.id for standing in standings]
    unsettled = or_(Job.status.in_(OPEN), Job.settled_at.is_(None))
    told = select(JournalRow.data, JournalRow.subject).where(JournalRow.kind == "backup.verified")
    return PressBooks(
        now=now,
        subscriptions=subscriptions,
        standings=standings,
        jobs=list(session.scalars(select(Job).where(Job.target.in_(targets), unsettled))),
        leases=list(
            session.scalars(select(LeaseRow).where(LeaseRow.subject.in_(targets), LeaseRow.until >= now))
        ),
        tasks=list(session.scalars(select(TaskRow).where(TaskRow.status != TaskStatus.DONE))),
        backups=list(session.scalars(select(Backup).where(Backup.site_id.in_(site_ids)))),
        verified={
            str(data["backup_id"]): subject
            for data, subject in session.execute(told.where(JournalRow.subject.in_(targets)))
        },
        findings=list(session.scalars(select(Finding).where(Finding.resolved_at.is_(None)))),
        servers=list(session.scalars(select(Server).where(Server.url.is_not(None)))),
    )


def _list_standings(
    session: Session, subscriptions: dict[str, Subscription], marks: Sequence[str]
) -> list[Standing]:
    """The sites that these subscriptions cover, and those that only carry a tenant's name."""
    names = {row.id: external_id for external_id, row in subscriptions.items()}
    named = or_(*(Site.name == mark for mark in marks), *(Site.name.startswith(f"{mark}-") for mark in marks))
    covered = or_(Coverage.subscription_id.in_(names), named)
    query = select(Site, Coverage).outerjoin(Coverage, Coverage.site_id == Site.id).where(covered)
    rows = list(session.execute(query.order_by(Site.id)))
    holds: dict[str, set[HoldKind]] = {site.id: set() for site, _ in rows}
    for site_id, kind in session.execute(select(Hold.site_id, Hold.kind).where(Hold.site_id.in_(holds))):
        holds[site_id].add(kind)
    return [
        Standing(
            site=site,
            external_id=None if coverage is None else names.get(coverage.subscription_id or ""),
            is_ended=coverage is not None and coverage.is_ended,
            holds=frozenset(holds[site.id]),
        )
        for site, coverage in rows
    ]


def list_held_locks(folders: Sequence[Path]) -> list[Path]:
    """Lock files in these folders that a living process holds, by the kernel's own table."""
    held = {
        line.split()[-3] for line in Path("/proc/locks").read_text("utf-8").splitlines() if "FLOCK" in line
    }
    return [path for folder in folders for path in sorted(folder.glob("*.lock")) if _inode(path) in held]


def _inode(path: Path) -> str:
    found = path.stat()
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"


def checksum(path: Path) -> str | None:
    """The file's SHA-256; None when there is none. Read again only when the file has changed."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _checksum(path, found.st_ino, found.st_size, found.st_mtime_ns)


@cache
def _checksum(path: Path, *_seen: int) -> str:
    with path.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()
