"""One bench, two sites, and the checks that are run on them in order."""

import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.engines.port import BenchSpec, Engine, SiteSpec
from agent.engines.probe import EngineProbe, SiteDoor
from agent.errors import AgentError
from agent.host import files


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """How one promise fared."""

    engine: str
    operation: str
    check: str
    ok: bool
    seconds: float
    message: str = ""


class Broken(Exception):
    """A promise that does not hold."""


def expect(condition: object, what: str) -> None:
    """Raise :class:`Broken` when the condition does not hold."""
    if not condition:
        raise Broken(what)


class Suite:
    """Runs the checks in order; each stands on what the ones before left behind."""

    def __init__(self, engine: Engine, probe: EngineProbe, work_dir: Path) -> None:
        self.engine = engine
        self.probe = probe
        self.work_dir = work_dir
        self.output: list[str] = []
        self.bench = BenchSpec(
            bench_id=str(uuid.uuid4()),
            release=f"{engine.name}-conformance",
            version=probe.engine_version,
            app_sets=probe.app_sets,
            memory_bytes=probe.memory_bytes,
            sources=probe.sources,
        )
        self.first, self.second = (self._site(name) for name in ("first", "second"))

    def run(
        self,
        checks: Sequence[tuple[str, "Check"]],
        on_result: Callable[[CheckResult], None] = lambda _: None,
    ) -> list[CheckResult]:
        """Run every check and remove the bench. Returns one result per check."""
        files.make_directory(self.work_dir)
        results: list[CheckResult] = []
        try:
            for operation, check in checks:
                result = self._check(operation, check)
                results.append(result)
                on_result(result)
        finally:
            for site in (self.first, self.second):
                self.engine.ensure_site_dropped(site.bench_id, site.site_id)
            self.engine.ensure_bench_stopped(self.bench.bench_id)
        return results

    def door(self, site: SiteSpec, **overrides: str) -> SiteDoor:
        """Return the way to a site for its owner."""
        bench = self.engine.find_bench(self.bench.bench_id)
        if bench is None:
            raise Broken("the bench is not found")
        door = SiteDoor(
            bench_url=bench.url, hostname=site.hostname, login=site.admin_login, password=site.admin_password
        )
        return replace(door, **overrides)

    def create(self, site: SiteSpec) -> list[bool]:
        """Take the steps of ``create_site``. Returns what each says about having changed anything."""
        changed = [
            self.engine.ensure_site_cloned(site),
            self.engine.ensure_site_configured(site),
            self.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname),
        ]
        self.engine.probe_site(site.bench_id, site.site_id, site.hostname)
        return changed

    def _site(self, name: str) -> SiteSpec:
        return SiteSpec(
            bench_id=self.bench.bench_id,
            site_id=str(uuid.uuid4()),
            hostname=f"{name}-{self.bench.bench_id[:8]}.localhost",
            apps=self.probe.app_sets[0],
            admin_login="owner",
            admin_email="owner@example.com",
            admin_password=secrets.token_urlsafe(16),
            company=f"{name} company",
        )

    def _check(self, operation: str, check: "Check") -> CheckResult:
        started = time.perf_counter()
        message = ""
        try:
            check(self)
        except (Broken, AgentError, OSError, ValueError) as error:
            message = f"{type(error).__name__}: {error}"
        return CheckResult(
            engine=self.engine.name,
            operation=operation,
            check=check_name(check),
            ok=not message,
            seconds=round(time.perf_counter() - started, 3),
            message=message,
        )


Check = Callable[[Suite], None]


def check_name(check: Check) -> str:
    """Return the words of a check."""
    return check.__name__.replace("_", " ")


def has_record(suite: Suite, site: SiteSpec, text: str) -> bool:
    """Say whether the site's owner finds the record."""
    return text in suite.probe.list_records(suite.door(site))


def suspend(suite: Suite) -> bool:
    """Close the first site. Returns what the engine says about having changed anything."""
    return suite.engine.ensure_site_suspended(
        suite.first.bench_id, suite.first.site_id, "Invoice 7 is unpaid."
    )


def restore(suite: Suite, source: Path) -> None:
    """Bring the first site's data back from a file and open it, or leave it suspended."""
    site = suite.first
    suite.engine.ensure_restored(site.bench_id, site.site_id, site.hostname, source)
    expect(
        not suite.probe.can_log_in(suite.door(site)), "a restored site lets people in before it is told to"
    )
    suite.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)


def allow(suite: Suite, token: str, ttl_seconds: int) -> str:
    """Let a token into the first site. Returns the path to open."""
    site = suite.first
    return suite.engine.ensure_login_token(site.bench_id, site.site_id, site.admin_login, token, ttl_seconds)
