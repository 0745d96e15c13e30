"""The composition root: the only place where the parts of the bridge meet."""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import redis
import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine

from billing_bridge.config import Settings
from billing_bridge.db import make_engine
from billing_bridge.handlers.dispatch import Dispatcher
from billing_bridge.handlers.ledger import Ledger
from billing_bridge.handlers.sync import Synchronizer
from billing_bridge.inbox import tasks
from billing_bridge.inbox.doorbell import Doorbell, RedisDoorbell
from billing_bridge.inbox.leases import Leases
from billing_bridge.inbox.listener import listen
from billing_bridge.inbox.store import RECONCILE, InboxStore, Lane
from billing_bridge.inbox.worker import InboxWorker, RetryRules
from billing_bridge.lago.http import LagoHttp
from billing_bridge.lago.port import Lago
from billing_bridge.press_client import PressClient
from billing_bridge.reconcile.mismatches import MismatchStore
from billing_bridge.reconcile.reconciler import Reconciler
from billing_bridge.reconcile.ticker import Ticker

MIGRATIONS = Path(__file__).parent / "migrations"


class Press(Protocol):
    """What the bridge asks of the control plane."""

    def put_subscription(
        self, external_id: str, body: Mapping[str, Any], *, correlation_id: str
    ) -> dict[str, Any]: ...

    def list_subscriptions(self, *, correlation_id: str) -> Iterator[dict[str, Any]]: ...

    def check(self, *, timeout: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """The assembled bridge, handed to the API, the worker and the command line."""

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime]
    store: InboxStore
    leases: Leases
    ledger: Ledger
    mismatches: MismatchStore
    lago: Lago
    press: Press
    doorbell: Doorbell
    synchronizer: Synchronizer
    reconciler: Reconciler
    worker: InboxWorker
    ticker: Ticker


def bootstrap(
    settings: Settings,
    *,
    lago: Lago | None = None,
    press: Press | None = None,
    doorbell: Doorbell | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Bridge:
    """Put the bridge together; what is not passed is the real thing."""
    clock = clock or (lambda: datetime.now(UTC))
    lago = lago or LagoHttp(
        api_url=settings.lago_api_url,
        api_key=settings.lago_api_key.get_secret_value(),
        timeout=settings.lago_timeout,
    )
    press = press or PressClient(
        api_url=settings.press_api_url,
        token=settings.press_api_token.get_secret_value(),
        timeout=settings.press_timeout,
    )
    return _assemble(settings, lago, press, doorbell or make_doorbell(settings), clock)


def _assemble(
    settings: Settings, lago: Lago, press: Press, doorbell: Doorbell, clock: Callable[[], datetime]
) -> Bridge:
    engine = make_engine(settings.database_url)
    owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    lease = timedelta(seconds=settings.lease_seconds)
    store, ledger, mismatches = InboxStore(engine), Ledger(engine), MismatchStore(engine)
    leases = Leases(engine, owner=owner, clock=clock, duration=lease)
    synchronizer = Synchronizer(
        lago=lago, press=press, ledger=ledger, leases=leases, clock=clock, grace_days=settings.grace_days
    )
    reconciler = Reconciler(
        lago=lago,
        press=press,
        ledger=ledger,
        synchronizer=synchronizer,
        mismatches=mismatches,
        clock=clock,
        grace_days=settings.grace_days,
        refresh_after=timedelta(hours=settings.refresh_hours),
    )
    handle = Dispatcher(lago=lago, synchronizer=synchronizer, own={RECONCILE: reconciler})
    rules = RetryRules(
        max_attempts=settings.max_attempts, first=settings.backoff_first, longest=settings.backoff_max
    )

    def make_worker(lane: Lane) -> InboxWorker:
        return InboxWorker(
            store,
            handle=handle,
            doorbell=doorbell,
            clock=clock,
            owner=owner,
            lease=lease,
            rules=rules,
            lane=lane,
        )

    worker = make_worker(Lane.EVENTS)
    ticker = Ticker(
        store=store,
        leases=leases,
        doorbell=doorbell,
        worker=worker,
        reconcile_worker=make_worker(Lane.RECONCILE),
        mismatches=mismatches,
        clock=clock,
        sweep_seconds=settings.sweep_seconds,
        lease_seconds=settings.lease_seconds,
        reconcile_seconds=settings.reconcile_seconds,
        keep=timedelta(days=settings.keep_days),
    )
    return Bridge(
        settings=settings,
        engine=engine,
        clock=clock,
        store=store,
        leases=leases,
        ledger=ledger,
        mismatches=mismatches,
        lago=lago,
        press=press,
        doorbell=doorbell,
        synchronizer=synchronizer,
        reconciler=reconciler,
        worker=worker,
        ticker=ticker,
    )


def make_redis(settings: Settings) -> redis.Redis:
    """A connection that gives up at once: the doorbell is not worth waiting for, a sweep rings again."""
    return redis.Redis.from_url(
        settings.redis_url, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 0)
    )


def make_doorbell(settings: Settings) -> RedisDoorbell:
    return RedisDoorbell(make_redis(settings), queue_name=settings.queue_name)


def run_worker(bridge: Bridge) -> None:
    """Work until a signal ends it: RQ answers the doorbell, the ticker keeps everything moving.

    Without Redis the ticker handles events by itself, one at a time, until the doorbell is back.
    """
    tasks.bind(bridge.worker)
    bridge.ticker.start()
    try:
        listen(redis_url=bridge.settings.redis_url, queue_name=bridge.settings.queue_name)
    finally:
        bridge.ticker.stop()
        bridge.engine.dispose()


def upgrade_database(settings: Settings) -> str:
    """Bring the schema to the newest revision; answers its name."""
    if settings.sqlite_path is not None:
        settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    config = alembic_config(settings.database_url)
    command.upgrade(config, "head")
    return str(ScriptDirectory.from_config(config).get_current_head())


def alembic_config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def find_schema_problem(bridge: Bridge) -> str | None:
    """Why the database cannot be used as it is; None when it can. Raises what the database raises."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    with bridge.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return None
    return f"The schema is {current or 'empty'}, the program needs {head}: run 'press-bridge db upgrade'."


def configure_logging(level: str) -> None:
    """JSON lines on stderr for our own records and for those of the libraries."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("alembic", "httpx", "rq.worker", "rq.queue"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
