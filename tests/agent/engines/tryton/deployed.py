"""A real bench with real templates for the tests; what is slow to make is kept in ``var/test-cache``."""

import os
import secrets
import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.config import Settings
from agent.engines.door.control import BenchControl
from agent.engines.port import BenchSpec, SiteSpec
from agent.engines.probe import SiteDoor
from agent.engines.tryton.engine import TrytonEngine
from agent.engines.tryton.host_releases import HostReleases
from agent.engines.tryton.layout import TrytonFolder
from agent.engines.tryton.probe import TrytonClient, TrytonProbe
from agent.executors.port import Executor
from agent.executors.process import ProcessExecutor
from tests.agent.support import ROOT, benches, free_port

CACHE = ROOT / "var" / "test-cache" / "bench-tryton"
OWNER = "ada@example.com"
BENCH_ID = "00000000-0000-4000-8000-000000000001"


def make_settings(data_dir: Path) -> Settings:
    """Settings whose releases are those of the cache: they lie under the hash of all they are made of."""
    CACHE.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    releases = data_dir / "releases"
    if not releases.exists():
        releases.symlink_to(CACHE)
    return Settings(data_dir=data_dir, images_dir=ROOT / "images", bench_port_start=free_port())


def make_engine(settings: Settings, executor: Executor, **options: float) -> TrytonEngine:
    """The engine with releases on this host."""
    return TrytonEngine(settings, executor, HostReleases(settings), **options)


def make_bench(**overrides: object) -> BenchSpec:
    probe = TrytonProbe()
    values: dict[str, object] = {
        "bench_id": BENCH_ID,
        "release": "tryton-8.0",
        "version": probe.engine_version,
        "app_sets": probe.app_sets,
        "memory_bytes": probe.memory_bytes,
    }
    return BenchSpec(**{**values, **overrides})  # type: ignore[arg-type]


def make_site(bench_id: str = BENCH_ID, **overrides: object) -> SiteSpec:
    site_id = str(uuid.uuid4())
    values: dict[str, object] = {
        "bench_id": bench_id,
        "site_id": site_id,
        "hostname": f"{site_id[:8]}.localhost",
        "apps": ("base",),
        "admin_login": OWNER,
        "admin_email": OWNER,
        "admin_password": secrets.token_urlsafe(12),
        "company": "Analytical Engines Ltd",
    }
    return SiteSpec(**{**values, **overrides})  # type: ignore[arg-type]


@dataclass
class Deployed:
    """A bench that runs, and short ways to its sites."""

    settings: Settings
    executor: ProcessExecutor
    bench: BenchSpec
    engine: TrytonEngine
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        bench = self.engine.find_bench(self.bench.bench_id)
        assert bench is not None
        return bench.url

    @property
    def folder(self) -> TrytonFolder:
        return TrytonFolder(self.settings.data_dir.resolve() / "benches" / "tryton" / self.bench.bench_id)

    @property
    def python(self) -> Path:
        return HostReleases(self.settings).get(self.bench.version).python

    @property
    def templates(self) -> Path:
        return HostReleases(self.settings).get(self.bench.version).templates

    def create(self, **overrides: object) -> SiteSpec:
        """Create a site as the agent's operation does."""
        site = make_site(self.bench.bench_id, **overrides)
        assert self.engine.ensure_site_cloned(site)
        self.engine.ensure_site_configured(site)
        self.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
        return site

    def door(self, site: SiteSpec, **overrides: str) -> SiteDoor:
        values = {
            "bench_url": self.url,
            "hostname": site.hostname,
            "login": site.admin_login,
            "password": site.admin_password,
        }
        return SiteDoor(**{**values, **overrides})

    @contextmanager
    def logged_in(self, site: SiteSpec) -> Iterator[TrytonClient]:
        with TrytonClient(self.door(site)) as client:
            client.log_in()
            yield client


@contextmanager
def deployed(data_dir: Path, *, has_own_templates: bool = False) -> Iterator[Deployed]:
    """Deploy a bench as the agent's operation does and stop it afterwards; its templates are the cache's, or a copy of them."""
    settings = make_settings(data_dir)
    with benches(data_dir):
        executor = ProcessExecutor(data_dir)
        ready = Deployed(settings, executor, make_bench(), make_engine(settings, executor))
        ready.engine.ensure_release(ready.bench, ready.said.append)
        ready.engine.ensure_templates(ready.bench, ready.said.append)
        if has_own_templates:
            take_templates(data_dir / "releases", ready.templates.name)
        ready.engine.ensure_bench_started(ready.bench)
        yield ready
        executor.ensure_removed(f"bench-{ready.bench.bench_id}")


def take_templates(releases: Path, name: str) -> None:
    """Let a test's releases be the cache's but for the standard templates, which become copies of its own."""
    cache = releases.resolve()
    releases.unlink()
    (releases / name).mkdir(parents=True)
    for part in cache.iterdir():
        if part.name != name:
            (releases / part.name).symlink_to(part)
    for path in (cache / name).iterdir():
        if path.is_file():
            shutil.copyfile(path, releases / name / path.name)


def get_health(bench: Deployed) -> dict[str, Any]:
    health = BenchControl(bench.folder.control).find_health()
    assert health is not None
    return health


@contextmanager
def hung(bench: Deployed) -> Iterator[None]:
    """Let the bench's process stand still for the block."""
    pid = int(get_health(bench)["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
