"""The composition root: the only place where parts meet."""

from collections.abc import Mapping
from dataclasses import dataclass

from press_app.agents import credentials
from press_app.agents.http import HttpAgents
from press_app.agents.port import Agents
from press_app.backups import service as backups
from press_app.backups import tasks as backup_tasks
from press_app.benches import service as benches
from press_app.benches import tasks as bench_tasks
from press_app.benches.events import BenchRetireWanted
from press_app.billing import service as billing
from press_app.billing import tasks as billing_tasks
from press_app.config import Settings
from press_app.edge.file import FileEdge
from press_app.edge.port import Edge
from press_app.invariants import tasks as invariant_tasks
from press_app.jobs import tasks as job_tasks
from press_app.jobs.service import Finisher
from press_app.kit.clock import Clock, SystemClock
from press_app.kit.crypto import Vault
from press_app.kit.db import Database, open_database
from press_app.servers.events import ServerRetireWanted
from press_app.sites import service as sites
from press_app.sites import tasks as site_tasks
from press_app.sites.events import (
    SiteAppsWanted,
    SiteBackupEnded,
    SiteBackupStarted,
    SiteCopyDue,
    SiteDataReplaced,
    SiteReserved,
    SiteRestoreWanted,
    SiteReturnWanted,
)
from press_app.spares import service as spares
from press_app.spares import tasks as spare_tasks
from press_app.work import housekeeping
from press_app.work.bell import Bell, RedisBell
from press_app.work.runner import Runner, policies
from press_app.work.task import Task
from press_app.work.unit_of_work import Subscribers, Work

TASKS: Mapping[str, Task] = {
    task.name: task
    for tasks in (
        housekeeping.TASKS,
        job_tasks.TASKS,
        bench_tasks.TASKS,
        spare_tasks.TASKS,
        site_tasks.TASKS,
        backup_tasks.TASKS,
        billing_tasks.TASKS,
        invariant_tasks.TASKS,
    )
    for task in tasks
}

FINISHERS: Mapping[str, Finisher] = {
    "deploy_bench": benches.on_deploy_finished,
    "retire_bench": benches.on_retire_finished,
    "prepare_site": spares.on_prepare_finished,
    "drop_site": sites.on_drop_finished,
    "create_site": sites.on_create_finished,
    "suspend_site": sites.on_suspend_finished,
    "resume_site": sites.on_resume_finished,
    "archive_site": sites.on_archive_finished,
    "take_backup": sites.on_backup_finished,
    "delete_backups": backups.on_delete_finished,
    "restore_site": sites.on_restore_finished,
    "change_apps": sites.on_apps_finished,
    "rename_site": sites.on_rename_finished,
    "set_config": sites.on_config_finished,
    "move_site": sites.on_move_finished,
    "set_admin_password": sites.on_password_finished,
    "create_login_link": sites.on_login_link_finished,
    "measure_usage": sites.on_usage_finished,
}
"""Who takes the result of which operation."""


@dataclass(frozen=True)
class Runtime:
    """The parts of one process."""

    settings: Settings
    database: Database
    work: Work
    bell: Bell
    agents: Agents
    edge: Edge
    runner: Runner
    agent_public_key: str


def subscribe(subscribers: Subscribers) -> Subscribers:
    """Who hears which domain event."""
    subscribers.on(ServerRetireWanted, benches.on_server_retire_wanted)
    subscribers.on(BenchRetireWanted, spares.on_bench_retire_wanted)
    subscribers.on(SiteReserved, billing.on_site_reserved)
    subscribers.on(SiteAppsWanted, billing.on_site_apps_wanted)
    subscribers.on(SiteReturnWanted, billing.on_site_return_wanted)
    subscribers.on(SiteBackupStarted, backups.on_backup_started)
    subscribers.on(SiteBackupEnded, backups.on_backup_ended)
    subscribers.on(SiteCopyDue, backups.on_copy_due)
    subscribers.on(SiteDataReplaced, backups.on_data_replaced)
    subscribers.on(SiteRestoreWanted, backups.on_restore_wanted)
    return subscribers


def open_edge(settings: Settings) -> Edge:
    """Traefik's watched file, and requests through Traefik."""
    return FileEdge(
        settings.edge_dynamic_file,
        pages_url=settings.edge_pages_url,
        probe_url=settings.probe_url,
    )


def bootstrap(
    settings: Settings,
    *,
    database: Database | None = None,
    agents: Agents | None = None,
    edge: Edge | None = None,
    bell: Bell | None = None,
    clock: Clock | None = None,
) -> Runtime:
    """The parts of the control plane; tests pass their own database, agents, edge, bell or clock."""
    clock = clock or SystemClock()
    bell = bell or RedisBell(settings.redis_url)
    key = credentials.ensure_key(settings.agent_key_file)
    agents = agents or HttpAgents(key, clock)
    edge = edge or open_edge(settings)
    database = database or open_database(settings.database_url)
    work = Work(
        database=database,
        clock=clock,
        bell=bell,
        subscribers=subscribe(Subscribers()),
        policies=policies(TASKS),
        vault=Vault(settings.master_key.get_secret_value().encode()),
    )
    dependencies = {"agents": agents, "edge": edge, "settings": settings, "finishers": FINISHERS}
    return Runtime(
        settings=settings,
        database=database,
        work=work,
        bell=bell,
        agents=agents,
        edge=edge,
        runner=Runner(work, TASKS, dependencies),
        agent_public_key=key.as_pem(private=False).decode(),
    )
