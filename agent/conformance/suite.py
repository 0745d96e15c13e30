"""One bench, two sites that stay, others that come and go, and the checks that are run on them in order."""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    not_tried: str = ""
    """Why nothing can be said about it here."""


class Broken(Exception):
    """A promise that does not hold."""


class NotTried(Exception):
    """A promise that cannot be tried on this engine and release; its text says why."""


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
        self.other_bench = replace(self.bench, bench_id=str(uuid.uuid4()))
        """Runs only while a site is moved there."""
        self.first, self.second = (self.make_site(name) for name in ("first", "second"))
        self.copy = self.make_site("copy")

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
            self._clean_up()
        return results

    def _clean_up(self) -> None:
        for bench in (self.bench, self.other_bench):
            for site in (self.first, self.second, self.copy):
                self.engine.ensure_site_dropped(bench.bench_id, site.site_id)
            self.engine.ensure_bench_stopped(bench.bench_id)

    def door(self, site: SiteSpec, **overrides: str) -> SiteDoor:
        """Return the way to a site for its owner."""
        bench = self.engine.find_bench(site.bench_id)
        if bench is None:
            raise Broken("the bench is not found")
        door = SiteDoor(
            bench_url=bench.url, hostname=site.hostname, login=site.admin_login, password=site.admin_password
        )
        return replace(door, **overrides)

    def create(self, site: SiteSpec) -> list[bool]:
        """Take the steps of ``create_site``. Returns what each says about having changed anything."""
        self.engine.ensure_template(site.bench_id, site.apps, site.locale, self.output.append)
        changed = [
            self.engine.ensure_site_cloned(site),
            self.engine.ensure_site_configured(site),
            self.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname),
        ]
        self.engine.probe_site(site.bench_id, site.site_id, site.hostname)
        return changed

    def list_apps(self, site: SiteSpec) -> tuple[str, ...]:
        return self.engine.list_apps(site.bench_id, site.site_id)

    def make_site(self, name: str) -> SiteSpec:
        """Say what a site of the suite is; nothing is made."""
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
        message = not_tried = ""
        try:
            check(self)
        except NotTried as reason:
            not_tried = str(reason)
        except (Broken, AgentError, OSError, ValueError) as error:
            message = f"{type(error).__name__}: {error}"
        return CheckResult(
            engine=self.engine.name,
            operation=operation,
            check=check_name(check),
            ok=not message,
            seconds=round(time.perf_counter() - started, 3),
            message=message,
            not_tried=not_tried,
        )


Check = Callable[[Suite], None]


def check_name(check: Check) -> str:
    """Return the words of a check."""
    return check.__name__.replace("_", " ")


def expect_refusal(code: str, call: Callable[[], object]) -> None:
    """Raise :class:`Broken` when the call is not refused with the code."""
    try:
        call()
    except AgentError as error:
        expect(error.code == code, f"it is refused with {error.code}: {error.message}")
    else:
        raise Broken(f"it is not refused with {code}")


@contextmanager
def closed(suite: Suite, site: SiteSpec) -> Iterator[tuple[str, str]]:
    """Have the site closed for the block, and opened, or suspended as it was, after it."""
    suite.engine.ensure_site_closed(site.bench_id, site.site_id)
    try:
        yield site.bench_id, site.site_id
    finally:
        suite.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)


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
