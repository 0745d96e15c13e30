"""The real operations and runner in this process, over the fake engine: no bench runs unless a test says so."""

import base64
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from agent.commands.redact import Secret
from agent.engines.fake.engine import FakeEngine
from agent.engines.fake.site import FakeSite, find_site, site_file
from agent.engines.port import BenchSpec, Engine, SiteSpec
from agent.engines.shelf import BenchRecord, Engines
from agent.executors.fake import FakeExecutor
from agent.host.clock import utc_now
from agent.jobs.database import Database
from agent.jobs.ledger import Ledger
from agent.jobs.model import Job
from agent.jobs.runner import Runner
from agent.jobs.service import JobRequest, JobService
from agent.operations.base import Host, Operation
from agent.operations.registry import OPERATIONS
from agent.stores.fake import FakeStore
from tests.agent.support import free_port, running, wait_until

HOSTNAME = "acme.localhost"
WRITE_BACKUPS = frozenset({"take_backup", "archive_site", "change_apps", "move_site"})
PASSWORD = "correct horse battery"


def hurried(patience_seconds: float) -> dict[str, Operation[Any]]:
    """The operations with less patience than people have."""

    def hurry(operation: Operation[Any]) -> Operation[Any]:
        steps = [
            replace(step, patience_seconds=min(step.patience_seconds, patience_seconds))
            for step in operation.steps
        ]
        return replace(operation, steps=tuple(steps))

    return {name: hurry(operation) for name, operation in OPERATIONS.items()}


class BadDisk(FakeStore):
    """Damages what is put there."""

    def put(self, name: str, source: Path) -> str:
        location = super().put(name, source)
        self.damage(location)
        return location


class Killed(BaseException):
    """Ends a worker as ``kill -9`` does: nothing is caught, nothing is written down."""


class MortalEngine(FakeEngine):
    """The fake engine, whose trouble of the kind ``kill`` ends the worker."""

    def _moment(self, name: str) -> None:
        trouble = self._folder / "trouble" / name
        if trouble.exists() and trouble.read_text() == "kill":
            trouble.unlink()
            raise Killed(name)
        super()._moment(name)


@dataclass
class Workshop:
    """A ledger, a store and an engine; jobs run to their end within the call."""

    folder: Path
    engine: Engine
    bench_id: str
    site_id: str
    ledger: Ledger
    store: FakeStore = field(default_factory=FakeStore)
    patience_seconds: float = 0.0
    secrets: dict[str, str] = field(default_factory=dict)
    more_benches: list[str] = field(default_factory=list)
    more_engines: list[Engine] = field(default_factory=list)
    key_id: str | None = field(default_factory=lambda: str(uuid.uuid4()))
    """What backups are encrypted with; None as a control plane of an earlier version orders them."""

    def ring(self, job_id: str, queue: str) -> None:
        """Nobody waits."""

    def wake_reporter(self, *, at_once: bool = False) -> None:
        """Nobody waits."""

    def do(self, operation: str, *, job_id: str | None = None, **params: Any) -> Job:
        """Accept a job on the site and run it."""
        job_id = job_id or str(uuid.uuid4())
        operations = hurried(self.patience_seconds)
        request = JobRequest(
            operation=operation,
            target=f"site:{self.site_id}",
            params={"bench_id": self.bench_id, "site_id": self.site_id}
            | self.keys_for(operation, params)
            | params,
            deadline=datetime.now(UTC) + timedelta(minutes=5),
        )
        JobService(self.ledger, operations, self, utc_now).accept(job_id, request)
        self.make_runner(operations).run(job_id)
        return self.ledger.get_job(job_id)

    def keys_for(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """The keys that the control plane names with such an order."""
        named = {}
        if self.key_id is not None and operation in WRITE_BACKUPS:
            named["key"] = self.name_key(self.key_id)
        if (params.get("backup") or {}).get("key_id"):
            named["backup_key"] = self.name_key(params["backup"]["key_id"])
        return named

    def name_key(self, key_id: str) -> dict[str, str]:
        ref = f"secret://backup-key/{key_id}/value"
        self.secrets.setdefault(ref, base64.urlsafe_b64encode(os.urandom(32)).decode())
        return {"id": key_id, "secret": ref}

    def kill_at(self, moment: str, operation: str, **params: Any) -> None:
        """Run a job until its engine comes to a moment, and end the worker there."""
        self.trouble(moment, "kill")
        with pytest.raises(Killed):
            self.do(operation, **params)

    def go_on(self, job_id: str) -> Job:
        """Let another worker take a job up."""
        self.make_runner(hurried(self.patience_seconds)).run(job_id)
        return self.ledger.get_job(job_id)

    def make_runner(self, operations: dict[str, Operation[Any]]) -> Runner:
        offered = {engine.name: partial(_identity, engine) for engine in (self.engine, *self.more_engines)}
        engines = Engines(offered, self.folder / "records")
        for bench_id in self.bench_ids:
            engines.remember(BenchRecord(bench_id=bench_id, engine=self.engine.name, modules={}))
        return Runner(
            ledger=self.ledger,
            operations=operations,
            host=Host(engines=engines, store=self.store, clock=utc_now, kept=self.folder / "kept"),
            data_dir=self.folder,
            fetch_secrets=lambda _job_id, refs: {ref: Secret(self.secrets[ref]) for ref in refs},
            wake_reporter=self.wake_reporter,
        )

    def archive(self, **params: Any) -> Job:
        return self.do("archive_site", backup_id=str(uuid.uuid4()), **params)

    def back_up(self) -> dict[str, Any]:
        job = self.do("take_backup", backup_id=str(uuid.uuid4()))
        assert job.result is not None, job
        backup: dict[str, Any] = job.result["backup"]
        return backup

    def restore(self, backup: dict[str, Any], **params: Any) -> Job:
        return self.do(
            "restore_site", **({"hostname": HOSTNAME, "backup": backup, "state": "suspended"} | params)
        )

    def state(self) -> str | None:
        site = self.engine.find_site(self.bench_id, self.site_id)
        return None if site is None else site.state.value

    @property
    def bench_ids(self) -> tuple[str, ...]:
        return (self.bench_id, *self.more_benches)

    # The fake engine's own
    @property
    def site_path(self) -> Path:
        return site_file(self.folder / "fake" / self.bench_id, self.site_id)

    def read(self, bench_id: str = "", site_id: str = "") -> FakeSite | None:
        """All there is of a site; of this one, when none is named."""
        return find_site(self.folder / "fake" / (bench_id or self.bench_id), site_id or self.site_id)

    def add_bench(self, version: str = "1.0.0") -> str:
        """Make another bench, perhaps of another release."""
        bench_id = make_bench(self.engine, version)
        self.more_benches.append(bench_id)
        return bench_id

    def add_site(self, hostname: str) -> str:
        """Make another site on the bench. Returns its id."""
        return make_site(self.engine, self.bench_id, hostname)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Let the benches run for the block, so that their open sites answer."""
        with ExitStack() as stack:
            for bench_id in self.bench_ids:
                bench = self.engine.find_bench(bench_id)
                assert bench is not None
                port = bench.url.rpartition(":")[2]
                argv = (
                    sys.executable,
                    "-m",
                    "agent.engines.fake.bench",
                    str(self.folder / "fake" / bench_id),
                    port,
                )
                stack.enter_context(running(argv, self.folder / "bench.log"))
                wait_until(partial(self._answers, bench.url), what="the bench does not answer")
            yield

    def ask(
        self, path: str = "/records", *, bench_id: str = "", hostname: str = HOSTNAME, **options: Any
    ) -> requests.Response:
        """Ask a bench for a site, as its owner; with ``data``, to store something."""
        bench = self.engine.find_bench(bench_id or self.bench_id)
        assert bench is not None
        return requests.request(
            "POST" if options else "GET",
            bench.url + path,
            headers={"Host": hostname},
            auth=("owner", PASSWORD),
            timeout=10,
            **options,
        )

    def _answers(self, url: str) -> bool:
        try:
            return requests.get(f"{url}/-/health", timeout=2).ok
        except requests.RequestException:
            return False

    def trouble(self, moment: str, kind: str = "fail") -> Path:
        """The file that makes the fake engine fail at a moment, as long as it stands; one of kind ``once`` goes by itself."""
        path = self.folder / "fake" / "trouble" / moment
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(kind)
        return path


def make_workshop(folder: Path) -> Workshop:
    """A workshop with one active site of the fake engine."""
    engine = MortalEngine(folder / "fake", FakeExecutor(), free_port())
    bench_id = make_bench(engine)
    site_id = make_site(engine, bench_id, HOSTNAME)
    return Workshop(folder, engine, bench_id, site_id, Ledger(Database(folder / "ledger.sqlite")))


def make_site(engine: Engine, bench_id: str, hostname: str) -> str:
    """An active site. Returns its id."""
    site = SiteSpec(
        bench_id=bench_id,
        site_id=str(uuid.uuid4()),
        hostname=hostname,
        apps=("base",),
        admin_login="owner",
        admin_email="owner@example.com",
        admin_password=PASSWORD,
        company="Acme",
    )
    engine.ensure_site_cloned(site)
    engine.ensure_site_configured(site)
    engine.ensure_site_serving(bench_id, site.site_id, hostname)
    return site.site_id


def make_bench(engine: Engine, version: str = "1.0.0") -> str:
    """A bench of the fake engine with its template. Returns its id."""
    bench_id = str(uuid.uuid4())
    bench = BenchSpec(
        bench_id=bench_id,
        release=f"fake-{version}",
        version=version,
        app_sets=(("base",),),
        memory_bytes=400 << 20,
    )
    engine.ensure_release(bench, lambda _line: None)
    engine.ensure_templates(bench, lambda _line: None)
    return bench_id


def _identity(engine: Engine) -> Engine:
    return engine
