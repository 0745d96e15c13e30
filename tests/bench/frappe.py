"""A Frappe site: made as its own tool makes it, and as ours does; then what a customer waits for."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent.engines.frappe import identity, programs
from agent.engines.frappe.layout import DatabaseRecord
from agent.engines.port import SiteSpec
from agent.executors.port import ProgramSpec
from press_app.cli.output import note
from tests.agent.engines.frappe.deployed import Deployed, deployed
from tests.bench.births import measure_births
from tests.bench.figures import Figure, find_percentile, make_figure
from tests.bench.footprint import read_processor_seconds
from tests.bench.stock import keep_spares
from tests.e2e.platform import Platform, running
from tests.factories.docker_engine import docker_engine
from tests.factories.frappe import ERPNEXT, settle

CLONES = 10
BIRTHS = 20
NEW_SITE_SECONDS = 900.0
CPU_TARGET = {"frappe": 10.0, "erpnext": 20.0}
"""How many times less processor time a clone takes than Frappe's own tool."""
BIRTH_TARGET = {"frappe": 5.0, "erpnext": 8.0}
POOL_TARGET = 1.5
NEW_SITE = """
import json, os, resource, subprocess, sys, time
from pathlib import Path
from bench_frappe.prepare import prepare_sites
from bench_frappe.opened import running_redis
sites, site, apps, database, password = Path(sys.argv[1]), *sys.argv[2:6]
for name in ("logs", "config"):
    (sites.parent / name).mkdir(exist_ok=True)
prepare_sites(sites, database, site)
install = [part for app in apps.split(",") if app for part in ("--install-app", app)]
command = [sys.executable, "-m", "frappe.utils.bench_helper", "frappe", "new-site", site, "--db-name", site]
command += ["--db-password", Path(password).read_text(), "--db-socket", database.removeprefix("unix://")]
with running_redis():
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*command, "--no-setup-db", "--admin-password", "x", *install], cwd=sites, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"cpu": cpu, "wall": time.monotonic() - started}))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds: of a clock on the wall, and of processors, the database server's among them."""

    wall: float
    cpu: float


def measure_frappe() -> Iterator[Figure]:
    """All figures. Skips where no Frappe is named."""
    kind = "erpnext" if os.environ.get(ERPNEXT) else "frappe"
    with ExitStack() as stack:
        docker = stack.enter_context(docker_engine())
        os.environ["PRESS_TEST_DOCKER_URL"] = docker.url
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="press-bench-")))
        note("Deploying a bench.")
        with deployed(folder / "alone") as bench:
            yield from measure_making(bench, kind)
        state = folder / "platform"
        note("Starting a platform.")
        with running(state, *settle(state, docker.url)) as platform:
            platform.wait_healthy()
            yield from measure_customers(platform, kind)


def measure_making(bench: Deployed, kind: str) -> Iterator[Figure]:
    """The same site by two ways, in one run."""
    note("Making a site with bench new-site, then cloning.")
    slow = make_with_new_site(bench)
    yield make_figure(f"{kind}_new_site_wall", slow.wall)
    yield make_figure(f"{kind}_new_site_cpu", slow.cpu)
    costs = [make_clone(bench) for _ in range(CLONES)]
    for percent in (50, 95):
        wall = find_percentile([cost.wall for cost in costs], percent)
        yield make_figure(f"{kind}_clone_wall_p{percent}", wall, baseline=slow.wall)
    cpu = find_percentile([cost.cpu for cost in costs], 50)
    yield make_figure(f"{kind}_clone_cpu_p50", cpu, baseline=slow.cpu, target=slow.cpu / CPU_TARGET[kind])


def measure_customers(platform: Platform, kind: str) -> Iterator[Figure]:
    """From the webhook to the login."""
    keep_spares(platform, 0)
    note(f"Making {BIRTHS} sites one by one.")
    figures, _ = measure_births(platform, BIRTHS, 0)
    for figure in figures:
        is_target = figure.figure == "webhook_to_login_p95"
        target = BIRTH_TARGET[kind] if is_target else None
        yield make_figure(f"{kind}_{figure.figure}", figure.value, target=target)
    note(f"Making {BIRTHS} sites ahead, and giving them to customers one by one.")
    keep_spares(platform, BIRTHS)
    figures, _ = measure_births(platform, BIRTHS - 1, 0)
    for figure in figures:
        target = POOL_TARGET if figure.figure == "webhook_to_login_p95" else None
        yield make_figure(f"{kind}_from_pool_{figure.figure}", figure.value, target=target)


def make_with_new_site(bench: Deployed) -> Cost:
    """Frappe's own tool in the same image, on the same server."""
    databases = bench.databases
    record = databases.make("snewsite")
    folder = bench.settings.data_dir.resolve() / "new-site"
    (folder / "sites").mkdir(parents=True)
    (folder / "password").write_text(record.password)
    socket = databases.server.socket
    apps = ",".join(source.app for source in bench.bench.sources[1:])
    program = ProgramSpec(
        name="new-site",
        argv=(
            *(programs.PYTHON, "-c", NEW_SITE, str(folder / "sites"), record.database),
            *(apps, f"unix://{socket}", str(folder / "password")),
        ),
        directory=folder,
        environment=programs.environment(folder),
        memory_bytes=2 << 30,
        image=bench.image,
        writable=(folder,),
        readable=(socket.parent,),
    )
    before = read_server_cpu(bench)
    said = json.loads(bench.executor.run_once(program, timeout_seconds=NEW_SITE_SECONDS).splitlines()[-1])
    cost = Cost(said["wall"], said["cpu"] + read_server_cpu(bench) - before)
    databases.drop_all("snewsite")
    return cost


def make_clone(bench: Deployed) -> Cost:
    """Database, owner and company; what new-site does, and the setup wizard's part, too."""
    databases = bench.databases
    started, before = time.monotonic(), read_server_cpu(bench) + time.process_time()
    record = databases.make("sbench")
    databases.copy(bench.template, record.database)
    databases.calm(record)
    with databases.opened(record) as cursor:
        identity.adopt(cursor, make_site(bench, record))
    cost = Cost(time.monotonic() - started, read_server_cpu(bench) + time.process_time() - before)
    databases.drop_all("sbench")
    return cost


def make_site(bench: Deployed, record: DatabaseRecord) -> SiteSpec:
    return SiteSpec(
        bench_id=bench.bench.bench_id,
        site_id=record.database,
        hostname="bench.localhost",
        apps=("base",),
        admin_login="ada",
        admin_email="ada@example.com",
        admin_password=record.password,
        company="Analytical Engines Ltd",
    )


def read_server_cpu(bench: Deployed) -> float:
    """Seconds of processor time that the database server has used."""
    pid = bench.databases.server.socket.with_name("pid").read_text("ascii").strip()
    return read_processor_seconds(int(pid))
