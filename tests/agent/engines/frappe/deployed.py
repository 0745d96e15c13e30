"""A real bench of a real Frappe in a real container, with ERPNext where one is named."""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from agent.bootstrap import engine_factories, make_executor, make_mariadb, make_mariadb_server
from agent.config import Settings
from agent.engines.frappe.databases import Databases
from agent.engines.frappe.engine import FrappeEngine
from agent.engines.frappe.releases import FrappeReleases
from agent.engines.frappe.templates import Templates
from agent.engines.port import BenchSpec, Locale, SiteSpec, Source
from agent.engines.probe import SiteDoor
from agent.executors.port import Executor
from agent.host.docker_connection import DockerConnection
from agent.host.docker_images import DockerImages
from tests.agent.support import ROOT, free_port
from tests.factories.docker_engine import docker_engine
from tests.factories.frappe import BUNDLE, find_base, list_sources

OWNER = "ada@example.com"
HOME = Locale()


@dataclass
class Deployed:
    """A bench that runs, and short ways to its sites."""

    settings: Settings
    bench: BenchSpec
    engine: FrappeEngine
    executor: Executor
    databases: Databases
    image: str
    template: str
    """Name of the database that sites are cloned from."""

    @property
    def url(self) -> str:
        bench = self.engine.find_bench(self.bench.bench_id)
        assert bench is not None
        return bench.url

    def create(
        self,
        company: str = "Analytical Engines Ltd",
        *,
        apps: tuple[str, ...] = ("base",),
        locale: Locale = HOME,
    ) -> SiteSpec:
        """A site that serves, by the steps of ``create_site``."""
        site_id = str(uuid.uuid4())
        site = SiteSpec(
            bench_id=self.bench.bench_id,
            site_id=site_id,
            hostname=f"{site_id[:8]}.localhost",
            apps=apps,
            locale=locale,
            admin_login=OWNER,
            admin_email=OWNER,
            admin_password=secrets.token_urlsafe(12),
            company=company,
        )
        self.engine.ensure_template(site.bench_id, site.apps, site.locale, print)
        self.engine.ensure_site_cloned(site)
        self.engine.ensure_site_configured(site)
        self.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname)
        self.engine.probe_site(site.bench_id, site.site_id, site.hostname)
        return site

    def door(self, site: SiteSpec) -> SiteDoor:
        return SiteDoor(
            bench_url=self.url, hostname=site.hostname, login=site.admin_login, password=site.admin_password
        )


@contextmanager
def deployed(data_dir: Path, *more: Source) -> Iterator[Deployed]:
    """Deploy a bench for the block, with ``more`` apps than are named. Skips the test where no Frappe is named."""
    sources = (*list_sources(), *more)
    with docker_engine() as docker:
        settings = Settings(
            data_dir=data_dir,
            engines="frappe",
            executor="docker",
            docker_url=docker.url,
            images_dir=ROOT / "images",
            extra_ca=BUNDLE if BUNDLE.exists() else None,
            bench_port_start=free_port(),
        )
        with make_mariadb_server(settings).serving():
            ready = _deploy(settings, sources)
            with started(ready.engine, ready.bench):
                yield ready


@contextmanager
def started(engine: FrappeEngine, bench: BenchSpec) -> Iterator[BenchSpec]:
    """A bench whose release stands; it goes with its sites at the end of the block."""
    try:
        engine.ensure_bench_started(bench)
        yield bench
    finally:
        for site in engine.list_sites(bench.bench_id):
            engine.ensure_site_dropped(bench.bench_id, site.site_id)
        engine.ensure_bench_stopped(bench.bench_id)


def _deploy(settings: Settings, sources: tuple[Source, ...]) -> Deployed:
    executor = make_executor(settings)
    engine = cast("FrappeEngine", engine_factories(settings, executor)["frappe"]())
    databases = Databases(make_mariadb(settings))
    bench = describe(sources)
    engine.ensure_release(bench, print)
    engine.ensure_templates(bench, print)
    images = DockerImages(DockerConnection(settings.docker_url))
    release = FrappeReleases(settings, images).get(bench.version, sources, bench.base)
    return Deployed(
        settings=settings,
        bench=bench,
        engine=engine,
        executor=executor,
        databases=databases,
        image=release.image,
        template=Templates(databases, executor).get_database(release, ("base",), HOME),
    )


def describe(sources: tuple[Source, ...]) -> BenchSpec:
    """A bench of its own of these apps."""
    return BenchSpec(
        bench_id=str(uuid.uuid4()),
        release="frappe-15",
        version="15",
        app_sets=(("base",),),
        memory_bytes=1 << 30,
        sources=sources,
        base=find_base(),
    )
