"""The composition root: the only place where the parts of the bridge meet."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import redis
import sqlalchemy as sa
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
from billing_bridge.inbox.events import RECONCILE, Event, Lane
from billing_bridge.inbox.leases import Leases
from billing_bridge.inbox.listener import listen
from billing_bridge.inbox.store import InboxStore
from billing_bridge.inbox.watch import Watch
from billing_bridge.inbox.worker import InboxWorker, Outcome, RetryRules
from billing_bridge.lago.http import LagoHttp
from billing_bridge.lago.port import Lago, LagoAdmin
from billing_bridge.press_client import PressClient
from billing_bridge.reconcile.mismatches import MismatchStore
from billing_bridge.reconcile.reconciler import Reconciler
from billing_bridge.reconcile.ticker import Ticker

RECONCILE_ATTEMPTS = 5


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
    lago_admin: LagoAdmin | None
    press: Press
    doorbell: Doorbell
    synchronizer: Synchronizer
    reconciler: Reconciler
    worker: InboxWorker
    ticker: Ticker


@dataclass(frozen=True, kw_only=True)
class _Outside:
    """What the bridge does not own."""

    lago: Lago
    press: Press
    doorbell: Doorbell
    clock: Callable[[], datetime]


def bootstrap(
    settings: Settings,
    *,
    lago: Lago | None = None,
    lago_admin: LagoAdmin | None = None,
    press: Press | None = None,
    doorbell: Doorbell | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Bridge:
    """Put the bridge together; what is not passed is the real thing.

    `lago_admin` is the exception: only what needs it passes one, because its library is heavy.
    """
    outside = _Outside(
        lago=lago or _make_lago(settings),
        press=press or _make_press(settings),
        doorbell=doorbell or make_doorbell(settings),
        clock=clock or (lambda: datetime.now(UTC)),
    )
    owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    return _assemble(settings, outside, lago_admin, owner)


def _assemble(settings: Settings, outside: _Outside, lago_admin: LagoAdmin | None, owner: str) -> Bridge:
    engine = make_engine(settings.database_url)
    lease = timedelta(seconds=settings.lease_seconds)
    leases = Leases(engine, owner=owner, clock=outside.clock, duration=lease)
    store, ledger, mismatches = InboxStore(engine), Ledger(engine), MismatchStore(engine)
    synchronizer = _make_synchronizer(settings, outside, ledger, leases)
    reconciler = _make_reconciler(settings, outside, ledger, synchronizer, mismatches)
    handle = Dispatcher(lago=outside.lago, synchronizer=synchronizer, own={RECONCILE: reconciler})
    make_worker = _worker_maker(settings, outside, store, handle, owner)
    worker, reconcile_worker = make_worker(Lane.EVENTS), make_worker(Lane.RECONCILE)
    return Bridge(
        settings=settings,
        engine=engine,
        clock=outside.clock,
        store=store,
        leases=leases,
        ledger=ledger,
        mismatches=mismatches,
        lago=outside.lago,
        lago_admin=lago_admin,
        press=outside.press,
        doorbell=outside.doorbell,
        synchronizer=synchronizer,
        worker=worker,
        reconciler=reconciler,
        ticker=_make_ticker(settings, outside, store, engine, leases, mismatches, worker, reconcile_worker),
    )


def _make_lago(settings: Settings) -> LagoHttp:
    key = settings.lago_api_key.get_secret_value()
    return LagoHttp(api_url=settings.lago_api_url, api_key=key, timeout=settings.lago_timeout)


def _make_press(settings: Settings) -> PressClient:
    token = settings.press_api_token.get_secret_value()
    return PressClient(api_url=settings.press_api_url, token=token, timeout=settings.press_timeout)


def _make_synchronizer(settings: Settings, outside: _Outside, ledger: Ledger, leases: Leases) -> Synchronizer:
    return Synchronizer(
        lago=outside.lago,
        press=outside.press,
        ledger=ledger,
        leases=leases,
        clock=outside.clock,
        grace_days=settings.grace_days,
    )


def _make_reconciler(
    settings: Settings,
    outside: _Outside,
    ledger: Ledger,
    synchronizer: Synchronizer,
    mismatches: MismatchStore,
) -> Reconciler:
    return Reconciler(
        lago=outside.lago,
        press=outside.press,
        ledger=ledger,
        synchronizer=synchronizer,
        mismatches=mismatches,
        clock=outside.clock,
        grace_days=settings.grace_days,
        refresh_after=timedelta(hours=settings.refresh_hours),
        attempts=min(RECONCILE_ATTEMPTS, settings.max_attempts),
    )


def _worker_maker(
    settings: Settings,
    outside: _Outside,
    store: InboxStore,
    handle: Callable[[Event], Outcome],
    owner: str,
) -> Callable[[Lane], InboxWorker]:
    rules = RetryRules(
        max_attempts=settings.max_attempts, first=settings.backoff_first, longest=settings.backoff_max
    )
    lease = timedelta(seconds=settings.lease_seconds)

    def make(lane: Lane) -> InboxWorker:
        return InboxWorker(
            store,
            handle=handle,
            doorbell=outside.doorbell,
            clock=outside.clock,
            owner=owner,
            lease=lease,
            rules=rules,
            lane=lane,
        )

    return make


def _make_ticker(
    settings: Settings,
    outside: _Outside,
    store: InboxStore,
    engine: sa.Engine,
    leases: Leases,
    mismatches: MismatchStore,
    worker: InboxWorker,
    reconcile_worker: InboxWorker,
) -> Ticker:
    return Ticker(
        store=store,
        watches={lane: Watch(store, engine, lane) for lane in Lane},
        leases=leases,
        doorbell=outside.doorbell,
        worker=worker,
        reconcile_worker=reconcile_worker,
        mismatches=mismatches,
        clock=outside.clock,
        sweep_seconds=settings.sweep_seconds,
        lease_seconds=settings.lease_seconds,
        reconcile_seconds=settings.reconcile_seconds,
        keep=timedelta(days=settings.keep_days),
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
