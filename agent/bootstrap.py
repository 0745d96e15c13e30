"""The composition root: the only place where the agent's parts meet."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from agent.config import Settings
from agent.conformance.checks import CHECKS
from agent.conformance.suite import CheckResult, Suite
from agent.credentials.enrolment import Identity
from agent.engines.errors import EngineUnknown
from agent.engines.fake.engine import FakeEngine
from agent.engines.fake.probe import FakeProbe
from agent.engines.frappe.engine import FrappeEngine
from agent.engines.frappe.probe import FrappeProbe
from agent.engines.frappe.releases import FrappeReleases
from agent.engines.port import Engine, Source
from agent.engines.probe import EngineProbe
from agent.engines.shelf import Engines
from agent.engines.tryton.engine import TrytonEngine
from agent.engines.tryton.host_releases import HostReleases
from agent.engines.tryton.image_releases import ImageReleases
from agent.engines.tryton.probe import TrytonProbe
from agent.engines.tryton.release import Releases
from agent.executors.docker import DockerExecutor
from agent.executors.port import Executor
from agent.executors.process import ProcessExecutor
from agent.host.clock import Clock, utc_now
from agent.host.docker_connection import DockerConnection
from agent.host.docker_images import DockerImages
from agent.host.mariadb import MariaDB
from agent.host.mariadb_server import MariaDBServer
from agent.jobs.database import Database
from agent.jobs.doorbell import Doorbell, make_redis
from agent.jobs.ledger import Ledger
from agent.jobs.reporter import Reporter
from agent.jobs.runner import Runner
from agent.jobs.service import JobService
from agent.jobs.sweep import Sweep
from agent.operations.base import Host
from agent.operations.registry import OPERATIONS
from agent.press_client import PressClient
from agent.stores.folder import FolderStore
from agent.stores.port import BackupStore
from agent.stores.s3 import make_s3_store
from agent.stores.watch import StoreWatch


class BenchExecutor(Executor, Protocol):
    """An executor with what keeps its benches running."""

    def serve(self) -> None:
        """Run until told to stop what keeps the benches running."""

    def serving(self) -> AbstractContextManager[None]:
        """Have what keeps the benches running for the block."""


class SettingsInvalid(ValueError):
    """A setting that no part can be made from."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Everything, wired; each part is made when it is asked for."""

    settings: Settings
    clock: Clock
    identity: Identity
    ledger: Ledger
    doorbell: Doorbell
    executor: BenchExecutor
    host: Host
    store_watch: StoreWatch

    def make_service(self) -> JobService:
        return JobService(self.ledger, OPERATIONS, self.doorbell, self.clock)

    def make_sweep(self) -> Sweep:
        return Sweep(self.ledger, self.doorbell, self.settings.data_dir)

    def make_reporter(self) -> Reporter:
        return Reporter(self.ledger, self.make_press_client().push_events, self.doorbell)

    def make_runner(self) -> Runner:
        return Runner(
            ledger=self.ledger,
            operations=OPERATIONS,
            host=self.host,
            data_dir=self.settings.data_dir,
            fetch_secrets=self.make_press_client().fetch_secrets,
            wake_reporter=self.doorbell.wake_reporter,
        )

    def make_press_client(self) -> PressClient:
        return PressClient(self.identity, timedelta(seconds=self.settings.press_timeout_seconds), self.clock)


def bootstrap(
    settings: Settings,
    *,
    engines: Mapping[str, Callable[[], Engine]] | None = None,
    store: BackupStore | None = None,
    clock: Clock = utc_now,
) -> Agent:
    """Wire the agent. Raises :class:`SettingsInvalid` and ``ledger_unavailable``."""
    executor = make_executor(settings)
    shelf = Engines(
        engine_factories(settings, executor) if engines is None else engines,
        settings.data_dir / "bench-records",
    )
    chosen = store or make_store(settings)
    return Agent(
        settings=settings,
        clock=clock,
        identity=Identity(settings.data_dir),
        ledger=Ledger(Database(settings.data_dir / "ledger.sqlite"), clock),
        doorbell=Doorbell(make_redis(settings.redis_url)),
        executor=executor,
        host=Host(
            engines=shelf,
            store=chosen,
            clock=clock,
            kept=settings.data_dir.resolve() / "kept",
        ),
        store_watch=StoreWatch(chosen),
    )


def make_executor(settings: Settings) -> BenchExecutor:
    """How benches run on this host, as the settings say."""
    if settings.executor == "docker":
        return DockerExecutor(DockerConnection(settings.docker_url), settings.data_dir)
    return ProcessExecutor(settings.data_dir)


def _make_tryton_releases(settings: Settings) -> Releases:
    if settings.executor == "docker":
        return ImageReleases(settings, DockerImages(DockerConnection(settings.docker_url)))
    return HostReleases(settings)


def engine_factories(settings: Settings, executor: Executor) -> dict[str, Callable[[], Engine]]:
    """Return how each engine of the settings is made. Raises :class:`SettingsInvalid` for an unknown name."""

    def make_fake() -> Engine:
        return FakeEngine(settings.data_dir / "fake", executor, settings.bench_port_start)

    def make_tryton() -> Engine:
        return TrytonEngine(settings, executor, _make_tryton_releases(settings))

    def make_frappe() -> Engine:
        if settings.executor != "docker":
            raise SettingsInvalid(
                "PRESS_AGENT_ENGINES: frappe runs in containers only; set PRESS_AGENT_EXECUTOR=docker"
            )
        releases = FrappeReleases(settings, DockerImages(DockerConnection(settings.docker_url)))
        return FrappeEngine(settings, executor, releases, make_mariadb(settings))

    known: dict[str, Callable[[], Engine]] = {"fake": make_fake, "tryton": make_tryton, "frappe": make_frappe}
    unknown = [name for name in settings.engine_names if name not in known]
    if unknown or not settings.engine_names:
        raise SettingsInvalid(f"PRESS_AGENT_ENGINES={settings.engines!r}: choose from {', '.join(known)}")
    return {name: known[name] for name in settings.engine_names}


def make_mariadb_server(settings: Settings) -> MariaDBServer:
    """The server that this host keeps itself."""
    return MariaDBServer(settings.data_dir.resolve() / "mariadb")


def make_mariadb(settings: Settings) -> MariaDB:
    """The server that the settings name, or else this host's own."""
    own = make_mariadb_server(settings)
    return MariaDB(
        settings.mariadb_socket or own.socket,
        settings.mariadb_user,
        settings.mariadb_password_file or own.password_file,
    )


def make_probe(engine: str, sources: tuple[Source, ...] = ()) -> EngineProbe:
    """Return the conformance probe of an engine. Raises :class:`EngineUnknown`."""
    if engine == "fake":
        return FakeProbe()
    if engine == "tryton":
        return TrytonProbe()
    if engine == "frappe":
        return FrappeProbe(sources)
    raise EngineUnknown(f"There is no engine {engine!r}. Choose fake, tryton or frappe.")


def run_conformance(
    settings: Settings,
    engine: str,
    on_result: Callable[[CheckResult], None],
    sources: tuple[Source, ...] = (),
) -> dict[str, Any]:
    """Check an engine on a bench of its own; the benches' supervisor is started for it where none runs.

    Returns ``{engine, ok, operations: {name: ok}, checks: [...], not_tried: {"operation: check": reason}}``.
    """
    executor = make_executor(settings)
    with executor.serving(), _serving_database(settings, engine), tempfile.TemporaryDirectory() as folder:
        suite = Suite(
            engine_factories(settings, executor)[engine](), make_probe(engine, sources), Path(folder)
        )
        results = suite.run(CHECKS, on_result)
    operations: dict[str, bool] = {}
    for result in (each for each in results if not each.not_tried):
        operations[result.operation] = operations.get(result.operation, True) and result.ok
    return {
        "engine": engine,
        "ok": all(operations.values()),
        "operations": operations,
        "checks": [asdict(result) for result in results],
        "not_tried": {
            f"{each.operation}: {each.check}": each.not_tried for each in results if each.not_tried
        },
    }


def _serving_database(settings: Settings, engine: str) -> AbstractContextManager[None]:
    """The host's own server for the block, where the engine needs it and it does not run already."""
    own = make_mariadb_server(settings)
    if engine != "frappe" or settings.mariadb_socket is not None or own.is_up():
        return nullcontext()
    return own.serving()


def make_store(settings: Settings) -> BackupStore:
    """Make the store that the settings name. Raises :class:`SettingsInvalid`."""
    scheme, _, place = settings.backup_store.partition(":")
    if scheme == "folder" and place:
        return FolderStore(Path(place))
    bucket, _, prefix = place.partition("/")
    if scheme != "s3" or not bucket:
        raise SettingsInvalid(
            f"PRESS_AGENT_BACKUP_STORE={settings.backup_store!r}: write folder:<path> or s3:<bucket>/<prefix>"
        )
    return make_s3_store(settings, bucket, prefix.strip("/"))
